import { stat } from "node:fs/promises";
import { join } from "node:path";
import { hasErrorCode, type MlflowClient, type Run } from "../../mlflow-js-client/index.ts";
import { JOURNAL, type JournalEntry, type ModelEvent, readJournal } from "../disk/journal.ts";
import { linkTestMetrics } from "../logged-model.ts";
import { MAX_TAG_VALUE, shortened, TAGS } from "../mlflow-tags.ts";
import { toMlflowInput } from "../mlflow-values.ts";
import type { RunStatus } from "../tracker.ts";
import { type DeliveryBatch, nextDelivery } from "./batch.ts";
import { createBatchSender } from "./batch-sender.ts";
import { deliverArtifact } from "./deliver-artifact.ts";
import { deliverModel } from "./deliver-model.ts";
import { writeMark } from "./mark.ts";
import { createRefusals } from "./refusable.ts";
import type { Refusable } from "./refusals.ts";
import { deleteTwins } from "./remote-run.ts";
import { createSteps } from "./steps.ts";

export interface RunDelivery {
  readonly run: Run;
  /** Bytes of the journal that the server has. */
  readonly position: number;
  /** Someone deleted the run on the server. */
  readonly gone: boolean;
  /** Differs from what it was at the last failure where it has got on since. */
  readonly where: string;
  /**
   * Brings the server towards byte `to` of the journal, for `ms` or a request more. Call it again after it threw: it goes
   * on where it stopped.
   * @throws MlflowError while the server fails; what it refuses is recorded and left out. FileError for a broken journal
   */
  deliver(to: number, ms?: number): Promise<void>;
  /** Ends a run whose process ended without doing so. */
  close(status: RunStatus, endTime: number, reason: string): Promise<void>;
  /** Records beside the journal how far it came, and what stopped it. */
  mark(error?: string): Promise<void>;
}

export interface RunDeliveryOptions {
  readonly client: MlflowClient;
  readonly folder: string;
  readonly run: Run;
  /** Whether the run was made just now, so that nothing of it can be there. */
  readonly created: boolean;
  /** Bytes of the journal; a position beyond it is of a journal that was lost. */
  readonly size: number;
  readonly onRefusal?: (what: Refusable, reason: string) => void;
  /** The server did what it was asked, or refused it, and no earlier try came so far. */
  readonly onAnswer?: () => void;
  /** Whether a file may be sent now; without it, `deliver` ends before the next one. */
  readonly mayUpload?: () => boolean;
  /** A file of so many bytes is about to be sent. */
  readonly onUpload?: (bytes: number) => void;
}

/** How long artifacts go on before the position is recorded, ms, and bytes. */
const RECORD_EVERY = { ms: 1000, bytes: 1_000_000 };

/**
 * Delivers one run's journal, one request at a time. Metrics, params and tags go in batches that carry the position with
 * them (`createBatchSender`). It lags behind what is no batch, by a second or a file at most: to send that again changes
 * nothing, inputs, artifacts and status are set to what they are.
 */
export function createRunDelivery(options: RunDeliveryOptions): RunDelivery {
  const { client, folder, run, created, size, onRefusal, onAnswer, mayUpload, onUpload } = options;
  const { runId } = run.info;
  const file = join(folder, JOURNAL);
  const known = Number(run.tags[TAGS.synced] ?? 0);
  /** Up to here the server may have what a journal that was lost said. */
  const doubtful = known > size ? known : 0;
  let position = known <= size ? known : 0;
  let recorded = position;
  /** What comes next: kept until it is done, so that a further try is about the same. */
  let next: DeliveryBatch | JournalEntry | undefined;
  const filesSent = new Set<string>();
  let mayHaveModels = position > 0;
  let gone = run.info.lifecycleStage === "deleted";
  let hasLookedForTwins = false;
  let unrecordedBytes = 0;
  let lastRecord = Date.now();

  const steps = createSteps(onAnswer);
  const onGone = () => {
    gone = true;
  };
  const refusals = createRefusals({ client, folder, runId, onRefusal, onAnswer: steps.step, onGone });
  const isDoubtful = () => position < doubtful;
  const batches = createBatchSender({
    client,
    run: run.info,
    created,
    isDoubtful,
    refusals,
    steps,
    onGone,
  });

  const record = async () => {
    if (recorded === position || gone) return;
    await client.runs.setTag(runId, TAGS.synced, String(position));
    onAnswer?.();
    recorded = position;
    unrecordedBytes = 0;
    lastRecord = Date.now();
  };

  /** By now this run is the one that has a position. */
  const lookForTwins = async () => {
    if (hasLookedForTwins || recorded === 0 || gone) return;
    await deleteTwins(client, run);
    hasLookedForTwins = true;
  };

  const uploadModel = (event: ModelEvent, end: number) =>
    refusals.try("model", { name: event.name }, async () => {
      mayHaveModels = true;
      const hooks = { onUpload, onAnswer: steps.step, sent: filesSent };
      const sent = await deliverModel(client, run.info, { folder, event, end }, hooks);
      unrecordedBytes += sent.bytes;
      if (sent.problem !== undefined) await refusals.leaveOut("model", { name: event.name }, sent.problem);
    });

  const end = async (status: RunStatus | "RUNNING", endTime?: number, reason?: string) => {
    if (status === "FINISHED" && mayHaveModels)
      await refusals.try("model", {}, () => linkTestMetrics(client, runId));
    if (reason) {
      const text = shortened(reason, MAX_TAG_VALUE);
      await refusals.try("tag", { reason: text }, () => client.runs.setTag(runId, TAGS.reason, text));
    } else if (status === "RUNNING") {
      // Why it ended last time is no longer so.
      await client.runs.deleteTag(runId, TAGS.reason).catch((error: unknown) => {
        if (!hasErrorCode(error, "RESOURCE_DOES_NOT_EXIST")) throw error;
      });
    }
    await refusals.try("status", { status, endTime }, () => client.runs.update(runId, { status, endTime }));
    // The answer to a creation may have been lost for long.
    if (status !== "RUNNING") hasLookedForTwins = false;
  };

  const apply = async ({ event, end: at }: JournalEntry): Promise<void> => {
    switch (event.type) {
      case "resume":
        return end("RUNNING");
      case "inputs":
        return refusals.try("dataset", event.inputs, () =>
          client.runs.logInputs(runId, event.inputs.map(toMlflowInput)),
        );
      case "artifact":
        unrecordedBytes += await deliverArtifact(
          client,
          run.info,
          { folder, event, end: at },
          refusals,
          onUpload,
        );
        return;
      case "model":
        return uploadModel(event, at);
      case "finish":
        return end(event.status, event.time, event.reason);
      default:
        // Of a newer version: left out rather than guessed at.
        return;
    }
  };

  const arrived = (at: number) => {
    position = at;
    next = undefined;
    filesSent.clear();
    steps.done();
  };

  const sendBatch = async (batch: DeliveryBatch) => {
    if (!(await batches.send(batch)) || gone) return;
    arrived(batch.end);
    recorded = position;
    unrecordedBytes = 0;
    lastRecord = Date.now();
  };

  const applyEvent = async (entry: JournalEntry) => {
    steps.begin();
    await apply(entry);
    if (gone) return;
    arrived(entry.end);
    if (unrecordedBytes > RECORD_EVERY.bytes || Date.now() - lastRecord > RECORD_EVERY.ms) await record();
  };

  return {
    run,
    get position() {
      return position;
    },
    get gone() {
      return gone;
    },
    get where() {
      return `${position} ${steps.where}`;
    },
    async deliver(to, ms = Number.POSITIVE_INFINITY) {
      const until = Date.now() + ms;
      while (position < to && !gone && Date.now() < until) {
        next ??= await nextDelivery(readJournal(file, { from: position, to }));
        if (next === undefined) break;
        if (!("event" in next)) await sendBatch(next);
        else if (isFile(next) && mayUpload?.() === false) break;
        else await applyEvent(next);
      }
      await record();
      await lookForTwins();
    },
    async close(status, endTime, reason) {
      await end(status, endTime, reason);
      await lookForTwins();
    },
    mark: (error) =>
      writeMark(folder, {
        uri: client.baseUrl,
        runId,
        url: client.runUrl(run.info.experimentId, runId),
        bytes: recorded,
        time: new Date().toISOString(),
        ...(gone ? { gone } : {}),
        ...(error === undefined ? {} : { error }),
      }),
  };
}

const isFile = ({ event }: JournalEntry): boolean => event.type === "artifact" || event.type === "model";

/** When the journal was last written to, ms since the epoch. */
export const lastWritten = async (folder: string): Promise<number> =>
  Math.round((await stat(join(folder, JOURNAL))).mtimeMs);

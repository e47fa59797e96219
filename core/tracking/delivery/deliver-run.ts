import { stat } from "node:fs/promises";
import { join } from "node:path";
import { type Batch, hasErrorCode, type MlflowClient, type Run } from "../../mlflow-js-client/index.ts";
import { digestOf } from "../disk/digest.ts";
import { JOURNAL, type JournalEntry, type RunEvent, readJournal } from "../disk/journal.ts";
import { linkTestMetrics } from "../logged-model.ts";
import { MAX_PARAM_VALUE, MAX_TAG_VALUE, shortened, shortenedTags, TAGS } from "../mlflow-tags.ts";
import { longParamArtifact, toMlflowInput } from "../mlflow-values.ts";
import type { RunStatus } from "../tracker.ts";
import { type DeliveryBatch, nextDelivery } from "./batch.ts";
import { deliverModel, type ModelEvent } from "./deliver-model.ts";
import { halves, type Item, toBatch, toItems } from "./items.ts";
import { writeMark } from "./mark.ts";
import { missingPoints } from "./missing-points.ts";
import { isMissingEndpoint, isOptional, isRefusal, type Refusable, recordRefusal } from "./refusals.ts";
import { isGone } from "./remote-run.ts";

export interface RunDelivery {
  readonly run: Run;
  /** Bytes of the journal that the server has. */
  readonly position: number;
  /** Someone deleted the run on the server. */
  readonly gone: boolean;
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
  /** The server did what it was asked, or refused it. */
  readonly onAnswer?: () => void;
  /** A file of so many bytes is about to be sent. */
  readonly onUpload?: (bytes: number) => void;
}

/** How long artifacts go on before the position is recorded, ms, and bytes. */
const RECORD_EVERY = { ms: 1000, bytes: 1_000_000 };

/**
 * Delivers one run's journal, one request at a time.
 *
 * What makes it exactly once: the position travels as a tag in the log-batch request that carries the data. MLflow's SQL
 * store applies a request in three transactions (params, metrics, tags, in this order), so the position is never ahead
 * of the data; it may be behind, by one request at most. What is sent again then changes nothing: params, tags, inputs,
 * artifacts and status are set to what they are, and the points of a request whose fate is unknown (its answer was lost,
 * or another process made it) are first compared with the server's own history. The SQL store would ignore equal points
 * anyway, a file store would not.
 */
export function createRunDelivery(options: RunDeliveryOptions): RunDelivery {
  const { client, folder, run, created, size, onRefusal, onAnswer, onUpload } = options;
  const { runId } = run.info;
  const file = join(folder, JOURNAL);
  const known = Number(run.tags[TAGS.synced] ?? 0);
  let position = known <= size ? known : 0;
  let recorded = position;
  let certain = created;
  let split: Split | undefined;
  let mayHaveModels = position > 0;
  let gone = run.info.lifecycleStage === "deleted";
  let unrecordedBytes = 0;
  let lastRecord = Date.now();

  /** Does what the server may refuse for ever; the refusal is recorded. */
  const refusable = async (
    what: Refusable,
    content: unknown,
    work: () => Promise<unknown>,
  ): Promise<void> => {
    try {
      await work();
      onAnswer?.();
    } catch (error) {
      const lacking = isOptional(what) && isMissingEndpoint(error);
      if (!isRefusal(error) && !lacking) throw error;
      if (!lacking && (await isGone(client, runId))) {
        gone = true;
        return;
      }
      const reason = lacking ? "the server has no endpoint for it" : (error as Error).message;
      await recordRefusal(folder, what, content, reason);
      onRefusal?.(what, reason);
    }
  };

  const record = async () => {
    if (recorded === position || gone) return;
    await client.runs.setTag(runId, TAGS.synced, String(position));
    onAnswer?.();
    recorded = position;
    unrecordedBytes = 0;
    lastRecord = Date.now();
  };

  /**
   * Sends a piece of a refused batch; where it is refused, too, it is halved, until the item that is at fault stands
   * alone. One request at a time, so that other runs have their turn between.
   */
  const sendPiece = async ({ pieces, end }: Split): Promise<void> => {
    const piece = pieces.at(-1);
    if (piece === undefined) {
      await client.runs.setTag(runId, TAGS.synced, String(end));
      onAnswer?.();
      split = undefined;
      arrived(end);
      return;
    }
    const batch = toBatch(piece);
    const metrics = certain ? batch.metrics : await missingPoints(client, runId, batch.metrics);
    certain = false;
    try {
      await client.runs.logBatch(runId, { ...batch, metrics }, { repeatable: false });
      onAnswer?.();
      pieces.pop();
    } catch (error) {
      if (!isRefusal(error)) throw error;
      onAnswer?.();
      const [only] = piece;
      if (piece.length === 1 && only) {
        const { what, ...content } = only;
        await refusable(what, content, () => Promise.reject(error));
        pieces.pop();
      } else {
        pieces.splice(-1, 1, ...halves(piece));
      }
    }
    certain = true;
  };

  /** The server has everything up to `end`, and knows it. */
  const arrived = (end: number) => {
    certain = true;
    position = end;
    recorded = end;
    lastRecord = Date.now();
  };

  const sendBatch = async ({ metrics, params, tags, end }: DeliveryBatch): Promise<void> => {
    for (const [key, text] of Object.entries(params)) {
      if (text.length <= MAX_PARAM_VALUE) continue;
      const path = longParamArtifact(key);
      await refusable("artifact", { path }, () => client.artifacts.upload(run.info, path, text));
    }
    const short = Object.entries(params).map(
      ([key, text]) => [key, shortened(text, MAX_PARAM_VALUE)] as const,
    );
    const points = certain ? metrics : await missingPoints(client, runId, metrics);
    const batch: Batch = {
      metrics: points,
      params: Object.fromEntries(short),
      tags: { ...shortenedTags(tags), [TAGS.synced]: String(end) },
    };
    certain = false;
    try {
      await client.runs.logBatch(runId, batch, { repeatable: false });
    } catch (error) {
      if (!isRefusal(error)) throw error;
      if (await isGone(client, runId)) {
        gone = true;
        return;
      }
      const items = toItems(
        { ...batch, tags: shortenedTags(tags) },
        await missingPoints(client, runId, points),
      );
      const pieces = halves(items);
      certain = true;
      onAnswer?.();
      split = { pieces, end };
      return;
    }
    onAnswer?.();
    arrived(end);
  };

  const uploadArtifact = async (event: Extract<RunEvent, { type: "artifact" }>, end: number) => {
    const { path, sha256 } = event;
    const at = join(folder, "artifacts", ...path.split("/"));
    const found = await digestOf(at).catch((error: NodeJS.ErrnoException) => error);
    if (found instanceof Error || (sha256 !== undefined && found.sha256 !== sha256)) {
      // Put again since: the newer one is sent at its own event.
      if (await isSuperseded(file, path, end)) return;
      const problem =
        found instanceof Error
          ? `cannot be read (${found.code})`
          : "is not what was logged: its checksum differs";
      await recordRefusal(folder, "artifact", { path, sha256 }, `${at} ${problem}`);
      onRefusal?.("artifact", `${at} ${problem}`);
      return;
    }
    onUpload?.(found.size);
    await refusable("artifact", { path, sha256 }, () => client.artifacts.uploadFile(run.info, path, at));
    unrecordedBytes += found.size;
  };

  const uploadModel = (event: ModelEvent, end: number) =>
    refusable("model", { name: event.name }, async () => {
      mayHaveModels = true;
      const sent = await deliverModel(client, run.info, { folder, event, end }, { onUpload, onAnswer });
      unrecordedBytes += sent.bytes;
      if (sent.problem === undefined) return;
      await recordRefusal(folder, "model", { name: event.name }, sent.problem);
      onRefusal?.("model", sent.problem);
    });

  const end = async (status: RunStatus | "RUNNING", endTime?: number, reason?: string) => {
    if (status === "FINISHED" && mayHaveModels)
      await refusable("model", {}, () => linkTestMetrics(client, runId));
    if (reason) {
      const text = shortened(reason, MAX_TAG_VALUE);
      await refusable("tag", { reason: text }, () => client.runs.setTag(runId, TAGS.reason, text));
    } else if (status === "RUNNING") {
      // Why it ended last time is no longer so.
      await client.runs.deleteTag(runId, TAGS.reason).catch((error: unknown) => {
        if (!hasErrorCode(error, "RESOURCE_DOES_NOT_EXIST")) throw error;
      });
    }
    await refusable("status", { status, endTime }, () => client.runs.update(runId, { status, endTime }));
  };

  const apply = async ({ event, end: at }: JournalEntry): Promise<void> => {
    switch (event.type) {
      case "resume":
        return end("RUNNING");
      case "inputs":
        return refusable("dataset", event.inputs, () =>
          client.runs.logInputs(runId, event.inputs.map(toMlflowInput)),
        );
      case "artifact":
        return uploadArtifact(event, at);
      case "model":
        return uploadModel(event, at);
      case "finish":
        return end(event.status, event.time, event.reason);
      default:
        // Of a newer version: left out rather than guessed at.
        return;
    }
  };

  const delivery: RunDelivery = {
    run,
    get position() {
      return position;
    },
    get gone() {
      return gone;
    },
    async deliver(to, ms = Number.POSITIVE_INFINITY) {
      const until = Date.now() + ms;
      while (position < to && !gone && Date.now() < until) {
        if (split) {
          await sendPiece(split);
          continue;
        }
        const next = await nextDelivery(readJournal(file, { from: position, to }));
        if (next === undefined) break;
        if (!("event" in next)) {
          await sendBatch(next);
          continue;
        }
        await apply(next);
        if (gone) return;
        position = next.end;
        if (unrecordedBytes > RECORD_EVERY.bytes || Date.now() - lastRecord > RECORD_EVERY.ms) await record();
      }
      if (!split) await record();
    },
    async close(status, endTime, reason) {
      await end(status, endTime, reason);
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
  return delivery;
}

/** A batch that was refused as a whole. */
interface Split {
  /** The last comes first. */
  readonly pieces: Item[][];
  readonly end: number;
}

/** Whether a later event of the journal puts the same artifact. */
async function isSuperseded(file: string, path: string, from: number): Promise<boolean> {
  // The writer puts the file in place just before it records it.
  for (const wait of [0, 500]) {
    if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
    for await (const { event } of readJournal(file, { from })) {
      if (event.type === "artifact" && event.path === path) return true;
    }
  }
  return false;
}

/** When the journal was last written to, ms since the epoch. */
export const lastWritten = async (folder: string): Promise<number> =>
  Math.round((await stat(join(folder, JOURNAL))).mtimeMs);

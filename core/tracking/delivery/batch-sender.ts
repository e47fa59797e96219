import type { Batch, MlflowClient, MlflowError, RunInfo } from "../../mlflow-js-client/index.ts";
import { MAX_PARAM_VALUE, shortened, shortenedTags, TAGS } from "../mlflow-tags.ts";
import { longParamArtifact } from "../mlflow-values.ts";
import type { MetricPoint } from "../tracker.ts";
import type { DeliveryBatch } from "./batch.ts";
import { halves, type Item, toBatch, toItems } from "./items.ts";
import { type MissingPoints, missingPoints } from "./missing-points.ts";
import type { Refusals } from "./refusable.ts";
import { isRefusal } from "./refusals.ts";
import { isGone } from "./remote-run.ts";
import type { Steps } from "./steps.ts";

export interface BatchSenderOptions {
  readonly client: MlflowClient;
  readonly run: RunInfo;
  /** Whether the run was made just now, so that nothing of it can be there. */
  readonly created: boolean;
  /** Whether what is sent now may be there from a journal that was lost. */
  readonly isDoubtful: () => boolean;
  readonly refusals: Refusals;
  readonly steps: Steps;
  readonly onGone: () => void;
}

/** Sends batches of a run, one request at a time, so that other runs have their turn between. */
export interface BatchSender {
  /**
   * One request of a batch. Called with the same batch, also after it threw, until it returns true: the server has it and
   * knows its position; what it refuses of it is recorded.
   * @throws MlflowError while the server fails
   */
  send(batch: DeliveryBatch): Promise<boolean>;
}

/**
 * What makes it exactly once: the position travels as a tag in the request that carries the data. MLflow's SQL store
 * applies a request in three transactions (params, metrics, tags, in this order), so the position is never ahead of the
 * data; it may be behind, by one request at most. What is sent again then changes nothing: params and tags are set to
 * what they are, and the points of a request whose fate is unknown (its answer was lost, or another process made it) are
 * first compared with the server's own history. The SQL store would ignore equal points anyway, a file store would not.
 */
export function createBatchSender(options: BatchSenderOptions): BatchSender {
  const { client, run, created, isDoubtful, refusals, steps, onGone } = options;
  const { runId } = run;
  /** No request has an unknown fate. */
  let certain = created;
  let check: MissingPoints | undefined;
  /** Of the batch at hand, refused as a whole: what is still to be sent of it, the last first. */
  let pieces: Item[][] | undefined;
  let refused = false;
  const longSent = new Set<string>();

  const notThere = async (metrics: readonly MetricPoint[]): Promise<readonly MetricPoint[]> => {
    if (certain && !isDoubtful()) return metrics;
    check ??= missingPoints(client, runId, metrics, steps.step);
    return check.find();
  };

  /** Returns why the server refused it, where it did: of what it refuses, it may have applied a part. */
  const take = async (batch: Batch): Promise<MlflowError | undefined> => {
    certain = false;
    check = undefined;
    try {
      await client.runs.logBatch(runId, batch, { repeatable: false });
    } catch (error) {
      if (isRefusal(error)) {
        steps.step();
        return error;
      }
      // All of it has to be looked at again.
      steps.begin();
      throw error;
    }
    certain = true;
    steps.step();
    return undefined;
  };

  const sendLongParams = async (params: DeliveryBatch["params"]): Promise<void> => {
    for (const [key, text] of Object.entries(params)) {
      if (text.length <= MAX_PARAM_VALUE || longSent.has(key)) continue;
      const path = longParamArtifact(key);
      await refusals.try("artifact", { path }, () => client.artifacts.upload(run, path, text));
      longSent.add(key);
    }
  };

  const shortParams = (params: DeliveryBatch["params"]): Record<string, string> =>
    Object.fromEntries(
      Object.entries(params).map(([key, text]) => [key, shortened(text, MAX_PARAM_VALUE)] as const),
    );

  const sendWhole = async ({ metrics, params, tags, end }: DeliveryBatch) => {
    await sendLongParams(params);
    return take({
      metrics: await notThere(metrics),
      params: shortParams(params),
      tags: { ...shortenedTags(tags), [TAGS.synced]: String(end) },
    });
  };

  const takeApart = async ({ metrics, params, tags }: DeliveryBatch): Promise<Item[][]> => {
    const left = await notThere(metrics);
    certain = true;
    return halves(toItems({ params: shortParams(params), tags: shortenedTags(tags) }, left));
  };

  /** Where a piece is refused, too, it is halved, until the item that is at fault stands alone. */
  const sendPiece = async (own: Item[][], piece: readonly Item[]): Promise<void> => {
    const batch = toBatch(piece);
    const refusal = await take({ ...batch, metrics: await notThere(batch.metrics) });
    certain = true;
    if (refusal === undefined) own.pop();
    else if (piece.length > 1) own.splice(-1, 1, ...halves(piece));
    else {
      const { what, ...content } = piece[0]!;
      await refusals.record(what, content, refusal);
      own.pop();
    }
    steps.done();
  };

  const done = (): true => {
    refused = false;
    pieces = undefined;
    longSent.clear();
    steps.done();
    return true;
  };

  return {
    async send(batch) {
      if (!refused) {
        refused = (await sendWhole(batch)) !== undefined;
        return refused ? false : done();
      }
      if (pieces === undefined) {
        if (await isGone(client, runId)) {
          onGone();
          return false;
        }
        pieces = await takeApart(batch);
        steps.done();
      }
      const piece = pieces.at(-1);
      if (piece !== undefined) {
        await sendPiece(pieces, piece);
        return false;
      }
      await client.runs.setTag(runId, TAGS.synced, String(batch.end));
      steps.step();
      return done();
    },
  };
}

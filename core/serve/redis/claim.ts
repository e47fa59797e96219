import { setTimeout as sleep } from "node:timers/promises";
import { FINGERPRINT } from "../../comparison/execute/fingerprint.ts";
import { DualtailError } from "../../errors.ts";
import { hasErrorCode, type MlflowClient, MlflowError, type Run } from "../../mlflow-js-client/index.ts";
import { findRemoteRun } from "../../tracking/delivery/remote-run.ts";
import { TAGS as MLFLOW_TAGS, shortenedTags, sourceTags } from "../../tracking/mlflow-tags.ts";
import type { MetricPoint, TrackedRun } from "../../tracking/tracker.ts";
import { TAGS } from "../tags.ts";

/** Tag of a cell's run: who trains it. Whoever is not it may no longer write. */
const HOLDER = "dualtail.worker";

export interface Claim {
  /** Own id of the cell's run. */
  readonly id: string;
  readonly name: string;
  readonly experimentId: string;
  /** The server's id of the comparison's run. */
  readonly parent: string;
  readonly user: string;
  readonly tags: Readonly<Record<string, string>>;
  /** Unique to this attempt. */
  readonly holder: string;
}

export interface ClaimedRun {
  /** As it was before; absent: made just now. */
  readonly earlier?: Run;
  readonly run: Run;
}

/** The run of a cell as it is on the server. @throws DualtailError when someone deleted it, MlflowError */
export async function existingRun(
  client: MlflowClient,
  experimentId: string,
  id: string,
): Promise<Run | undefined> {
  const run = await findRemoteRun(client, experimentId, { id });
  if (run?.info.lifecycleStage === "deleted") {
    throw new DualtailError(`the cell's run ${run.info.runId} was deleted on MLflow`, {
      hint: `restore it there, or ask for the comparison anew (${TAGS.action} = rerun)`,
    });
  }
  return run;
}

/** Makes the run of a cell, or takes over the one that another worker began. @throws DualtailError, MlflowError */
export async function claimRun(client: MlflowClient, claim: Claim): Promise<ClaimedRun> {
  const { id, name, experimentId, parent, user, tags, holder } = claim;
  const earlier = await existingRun(client, experimentId, id);
  if (earlier === undefined) {
    const run = await client.runs.create({
      experimentId,
      runName: name,
      userId: user,
      uniqueTag: TAGS.runId,
      tags: {
        ...shortenedTags(tags),
        ...sourceTags(user),
        [TAGS.parent]: parent,
        [TAGS.runId]: id,
        [TAGS.watch]: "1",
        [HOLDER]: holder,
      },
    });
    return { run };
  }
  const { runId } = earlier.info;
  const before = earlier.tags[FINGERPRINT];
  await client.runs.logBatch(runId, {
    tags: {
      [HOLDER]: holder,
      [TAGS.watch]: "1",
      // Of the journal of whoever wrote it before; this one begins anew.
      [MLFLOW_TAGS.synced]: "0",
      // Begun with other content: what comes of it is no result of either.
      ...(before === tags[FINGERPRINT] ? {} : { [FINGERPRINT]: "mixed" }),
    },
  });
  return { earlier, run: earlier };
}

/** Another worker trains the cell now. */
export class TakenOver extends DualtailError {}

/** Keeps one who is no longer the holder from writing. */
export interface Fence {
  /** Resolves while we are the holder. @throws TakenOver, MlflowError while the server does not answer */
  pass(): Promise<void>;
  /** From now on nothing passes. */
  shut(): void;
}

/** How long an answer about the holder is believed, ms. */
export const BELIEVED = 2000;

/**
 * Asks MLflow itself, where the data go: a worker that was suspended for long, or cut off from Redis, cannot know that
 * its cell was given to another. @param onTaken called once when that is so
 */
export function createFence(client: MlflowClient, runId: string, holder: string, onTaken: () => void): Fence {
  let asked = Number.NEGATIVE_INFINITY;
  let taken = false;
  const shut = () => {
    if (taken) return;
    taken = true;
    onTaken();
  };
  return {
    shut,
    async pass() {
      const now = Date.now();
      if (!taken && now - asked > BELIEVED) {
        const { tags } = await client.runs.get(runId);
        if (tags[HOLDER] === holder) asked = now;
        else shut();
      }
      if (taken) throw new TakenOver("another worker has taken the cell over");
    },
  };
}

/** Waits until whoever held the run before has to ask again whether it still does. */
export async function settle(earlier: Run, signal: AbortSignal): Promise<void> {
  if (earlier.info.status !== "RUNNING") return;
  await sleep(BELIEVED, undefined, { signal }).catch(() => undefined);
}

/**
 * A run without what the server has already of the worker that had the cell before: points, which would be there twice,
 * and params, which differ where they are paths and may not change.
 */
export async function withoutKnown(client: MlflowClient, earlier: Run, run: TrackedRun): Promise<TrackedRun> {
  const known = new Map<string, Map<number, number>>();
  const latest = await client.runs.get(earlier.info.runId);
  for (const { key } of latest.metrics) {
    const history = await client.metrics.getHistory(earlier.info.runId, key);
    known.set(key, new Map(history.map(({ step, value }) => [step, value])));
  }
  /** Of what is revised a value that differs is new. */
  const isNew = ({ key, step, value }: MetricPoint, revise: boolean) => {
    const old = known.get(key)?.get(step);
    return old === undefined || (revise && !Object.is(old, value));
  };
  return {
    ...run,
    get url() {
      return run.url;
    },
    logParams: (params) =>
      run.logParams(
        Object.fromEntries(Object.entries(params).filter(([key]) => !Object.hasOwn(latest.params, key))),
      ),
    logMetrics: (points, options = {}) =>
      run.logMetrics(
        points.filter((point) => isNew(point, options.revise === true)),
        options,
      ),
  };
}

/** An artifact of a run; undefined when it has none of that path. @throws MlflowError */
export async function artifactOf(
  client: MlflowClient,
  { info }: Run,
  path: string,
): Promise<Uint8Array | undefined> {
  try {
    return await client.artifacts.download(info, path);
  } catch (error) {
    const missing =
      hasErrorCode(error, "RESOURCE_DOES_NOT_EXIST") ||
      (error instanceof MlflowError && error.status === 404);
    if (missing) return undefined;
    throw error;
  }
}

import { randomUUID } from "node:crypto";
import type { Experiment, MlflowClient, Run } from "../mlflow-js-client/index.ts";
import { hasErrorCode } from "../mlflow-js-client/index.ts";
import { findRemoteRun } from "./delivery/remote-run.ts";
import { TrackingError, tracked } from "./errors.ts";
import { finishedRuns } from "./finished-runs.ts";
import { type MlflowRun, mlflowRun } from "./mlflow-run.ts";
import { currentUser, shortenedTags, sourceTags, TAGS } from "./mlflow-tags.ts";
import type { Tracker } from "./tracker.ts";

export interface MlflowTrackerOptions {
  readonly client: MlflowClient;
  /** Name; created when missing. */
  readonly experiment: string;
}

/**
 * Tracks one experiment on an MLflow server.
 * @throws TrackingError when the server cannot be reached, refuses, or has the experiment in its trash
 */
export async function openMlflowTracker({ client, experiment }: MlflowTrackerOptions): Promise<Tracker> {
  const { experimentId } = await openExperiment(client, experiment);
  const open = new Map<string, MlflowRun>();

  const keep = ({ info }: Run): MlflowRun => {
    const run = mlflowRun(client, info);
    open.set(run.id, run);
    return run;
  };

  return {
    description: `MLflow at ${client.baseUrl}`,
    experimentUrl: client.experimentUrl(experimentId),
    async startRun({ name, parent, tags = {}, id: adopted, serverId }) {
      const user = currentUser();
      const known =
        adopted && (await tracked(findRemoteRun(client, experimentId, { id: adopted, serverId })));
      if (known) {
        await tracked(client.runs.update(known.info.runId, { status: "RUNNING" }));
        const run = keep(known);
        await run.setTags(tags);
        return run;
      }
      const created = await tracked(
        client.runs.create({
          experimentId,
          runName: name,
          userId: user,
          uniqueTag: TAGS.runId,
          tags: {
            ...sourceTags(user),
            ...(parent ? { [TAGS.parentRunId]: parent.id } : {}),
            ...shortenedTags(tags),
            [TAGS.runId]: adopted ?? randomUUID().replaceAll("-", ""),
          },
        }),
      );
      return keep(created);
    },
    async resumeRun(id, name) {
      const known = await getRun(client, id, name);
      await tracked(client.runs.update(id, { status: "RUNNING" }));
      // Why it ended last time is no longer so.
      if (known.tags[TAGS.reason] !== undefined) await tracked(client.runs.deleteTag(id, TAGS.reason));
      return keep(known);
    },
    finishedRuns: (tag) => finishedRuns(client, experimentId, tag),
    async close() {
      const flushed = await Promise.allSettled([...open.values()].map((run) => run.flush()));
      open.clear();
      for (const result of flushed) if (result.status === "rejected") throw result.reason;
    },
  };
}

/** The experiment of that name, created when missing. @throws TrackingError */
export async function openExperiment(client: MlflowClient, name: string): Promise<Experiment> {
  const tags = { [TAGS.experimentKind]: "custom_model_development" };
  const experiment = await tracked(client.experiments.ensure(name, { tags }));
  if (experiment.lifecycleStage === "active") return experiment;
  throw new TrackingError(`the experiment "${name}" is in the trash of MLflow at ${client.baseUrl}`, {
    hint: `choose another name, or restore it: mlflow experiments restore --experiment-id ${experiment.experimentId}`,
  });
}

async function getRun(client: MlflowClient, id: string, name: string): Promise<Run> {
  const gone = (cause?: unknown) =>
    new TrackingError(
      `the run "${name}" (${id}) is no longer on MLflow at ${client.baseUrl}, so it cannot be resumed`,
      {
        hint: "set MLFLOW_TRACKING_URI to the server it was started on, or start anew",
        cause,
      },
    );
  try {
    const run = await client.runs.get(id);
    if (run.info.lifecycleStage === "active") return run;
  } catch (error) {
    if (hasErrorCode(error, "RESOURCE_DOES_NOT_EXIST")) throw gone(error);
    return tracked(Promise.reject(error));
  }
  throw gone();
}

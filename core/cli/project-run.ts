import type { Reporter } from "../container/reporter.ts";
import { describeError } from "../errors.ts";
import { hasErrorCode, type MlflowClient, type Run } from "../mlflow-js-client/index.ts";
import { tracked } from "../tracking/errors.ts";
import { TAGS } from "../tracking/mlflow-tags.ts";
import type { Host } from "./host.ts";
import type { OpenedTracking } from "./tracking.ts";

/** The run that `mlflow run` has made for the process it starts. */
export interface ProjectRun {
  /** Its own id, its tag `dualtail.run_id`. */
  readonly id: string;
  /** Name of its experiment. */
  readonly experiment: string;
}

/**
 * The run that MLFLOW_RUN_ID names, if it waits to be written: it becomes the comparison's, in its experiment. Where it is
 * another's already, a line says so, and the comparison gets one of its own, as without MLFLOW_RUN_ID.
 * @param runId MLFLOW_RUN_ID
 */
async function findProjectRun(
  client: MlflowClient,
  runId: string,
  reporter: Reporter,
): Promise<ProjectRun | undefined> {
  const without = (why: string) => {
    reporter.warn(`MLFLOW_RUN_ID: ${why}; the comparison gets a run of its own`);
    return undefined;
  };
  try {
    const run = await client.runs.get(runId);
    const problem = problemOf(run);
    if (problem !== undefined) return without(`the run ${runId} ${problem}`);
    const id = run.tags[TAGS.runId] ?? runId;
    // What delivers the journal looks for it.
    if (run.tags[TAGS.runId] === undefined) await tracked(client.runs.setTag(runId, TAGS.runId, id));
    const { name } = await tracked(client.experiments.get(run.info.experimentId));
    return { id, experiment: name };
  } catch (error) {
    if (hasErrorCode(error, "RESOURCE_DOES_NOT_EXIST") || hasErrorCode(error, "INVALID_PARAMETER_VALUE"))
      return without(`there is no run ${runId} on MLflow at ${client.baseUrl}`);
    return without(describeError(error));
  }
}

function problemOf({ info, tags }: Run): string | undefined {
  if (info.lifecycleStage === "deleted") return "was deleted";
  if (info.status !== "RUNNING") return `is ${info.status}, not RUNNING`;
  // A journal elsewhere belongs to it.
  if (tags[TAGS.synced] !== undefined) return "is written by another process";
  return undefined;
}

/** The run that `mlflow run` has made for this process, if it is to be the comparison's. */
export async function projectRun(
  { env }: Host,
  reporter: Reporter,
  opened: OpenedTracking | undefined,
): Promise<ProjectRun | undefined> {
  const runId = env.MLFLOW_RUN_ID?.trim();
  if (!runId || !opened?.client || opened.managed) return undefined;
  try {
    return await findProjectRun(await opened.client(), runId, reporter);
  } catch (error) {
    reporter.warn(`MLFLOW_RUN_ID: ${describeError(error)}; the comparison gets a run of its own`);
    return undefined;
  }
}

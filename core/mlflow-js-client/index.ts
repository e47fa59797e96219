/**
 * A client of an MLflow server's REST API: experiments, runs, metrics in batches, artifacts, logged models and the registry.
 * It repeats what may be repeated, and never shows a credential.
 * @module
 */

export type { ArtifactOwner, Artifacts } from "./artifacts.ts";
export { BATCH_LIMITS, type Batch } from "./batches.ts";
export { clientFromEnv, createMlflowClient, type MlflowClient, type MlflowClientOptions } from "./client.ts";
export { withoutCredentials } from "./connection.ts";
export { hasErrorCode, MlflowError } from "./errors.ts";
export type { Experiments, SearchExperiments } from "./experiments.ts";
export {
  type CreateLoggedModel,
  type LoggedModel,
  type LoggedModelStatus,
  type LoggedModels,
  type ModelMetric,
  modelOwner,
} from "./logged-models.ts";
export type { Metrics } from "./metrics.ts";
export type { CreateModelVersion, ModelVersion, Registry } from "./registry.ts";
export type { CreateRun, Runs, SearchRuns } from "./runs.ts";
export type { Server } from "./server.ts";
export type { TransportOptions } from "./transport.ts";
export type * from "./types.ts";

export { type DiskTrackerOptions, openDiskTracker } from "./disk-tracker.ts";
export { type DurableTrackerOptions, openDurableTracker } from "./durable-tracker.ts";
export { MlflowInstallError, NoMlflowError, NoPythonError, TrackingError } from "./errors.ts";
export { type ManagedMlflow, type ManagedMlflowOptions, startManagedMlflow } from "./managed-mlflow.ts";
export { type MlflowTrackerOptions, openMlflowTracker } from "./mlflow-tracker.ts";
export {
  type ResolvedTracking,
  type ResolveOptions,
  reachableClient,
  resolveTracking,
} from "./open-tracker.ts";
export { type RunState, readRunStates } from "./run-states.ts";
export {
  type SyncFailure,
  type SyncOptions,
  type SyncProgress,
  type SyncResult,
  syncToMlflow,
} from "./sync.ts";
export type * from "./tracker.ts";

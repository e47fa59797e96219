import path from "node:path";
import type { Tracking } from "../../container/index.ts";
import type { Reporter } from "../../container/reporter.ts";
import { openDiskTracker, resolveTracking } from "../../tracking/index.ts";

/** Where runs are kept. */
export interface OpenTrackingOptions {
  /** Of an MLflow server; default the environment's MLFLOW_TRACKING_URI. */
  readonly uri?: string;
  /** Folder of the runs' journals; default `.dualtail/runs` in the working directory. */
  readonly journals?: string;
  /** Told what a user should know of it. */
  readonly reporter?: Reporter;
}

/**
 * Tracking by the MLflow server that is named, else by journals on disk alone, which `dualtail sync` uploads later.
 * Unlike the command line it starts no server and installs nothing.
 * @throws TrackingError when the server that is named is not there or refuses
 */
export async function openTracking(options: OpenTrackingOptions = {}): Promise<Tracking> {
  const { uri = process.env.MLFLOW_TRACKING_URI?.trim(), reporter } = options;
  const root = path.resolve(options.journals ?? path.join(".dualtail", "runs"));
  const warn = (line: string) => reporter?.warn(line);
  if (!uri) {
    return {
      open: (experiment) => openDiskTracker({ root, experiment, warn }),
      description: `the folder ${root}`,
      close: async () => undefined,
    };
  }
  const { openTracker, description, stop } = await resolveTracking(
    { ...process.env, MLFLOW_TRACKING_URI: uri },
    { home: path.dirname(root), diskRoot: root, warn, onProgress: (line) => reporter?.line(line) },
  );
  return { open: openTracker, description, close: stop };
}

import { join, resolve } from "node:path";
import { clientFromEnv, createMlflowClient, type MlflowClient } from "../mlflow-js-client/index.ts";
import { openDiskTracker } from "./disk-tracker.ts";
import { NoMlflowError, tracked, trackingError } from "./errors.ts";
import { type ManagedMlflow, startManagedMlflow } from "./managed-mlflow.ts";
import { openMlflowTracker } from "./mlflow-tracker.ts";
import type { OpenTracker } from "./tracker.ts";

export interface ResolveOptions {
  /** Folder of the project's own MLflow and of what is kept on disk. */
  readonly home: string;
  /** Lines about longer work: installing, starting a server. */
  readonly onProgress?: (line: string) => void;
  /** A line the user should read. */
  readonly warn?: (line: string) => void;
  /** Where runs are kept when there is no server. Default `<home>/runs`. */
  readonly diskRoot?: string;
}

export interface ResolvedTracking {
  readonly openTracker: OpenTracker;
  /** For a person: where the data goes. */
  readonly description: string;
  /** The server, when there is one. */
  readonly uri?: string;
  /** The server that was started for this, when one was. */
  readonly managed?: ManagedMlflow;
  /** Ends what was started. */
  stop(): Promise<void>;
}

/**
 * Where runs are tracked: the server MLFLOW_TRACKING_URI names; without it a server of our own; without Python the disk.
 * @throws TrackingError when the server named cannot be reached or refuses, or our own does not start
 */
export async function resolveTracking(
  env: NodeJS.ProcessEnv,
  { home, onProgress, warn, diskRoot = join(home, "runs") }: ResolveOptions,
): Promise<ResolvedTracking> {
  if (env.MLFLOW_TRACKING_URI?.trim()) {
    const client = await reachableClient(env);
    return { ...onServer(client), stop: async () => undefined };
  }
  try {
    const managed = await startManagedMlflow({ home, onProgress, env });
    const server = onServer(createMlflowClient({ trackingUri: managed.uri }));
    return { ...server, managed, stop: () => managed.stop() };
  } catch (error) {
    if (!(error instanceof NoMlflowError)) throw error;
    const root = resolve(diskRoot);
    warn?.(`${error.oneLine}. The runs are kept on disk; upload them later: npx dualtail sync ${root}`);
    return {
      openTracker: (experiment) => openDiskTracker({ root, experiment }),
      description: `the folder ${root}`,
      stop: async () => undefined,
    };
  }
}

/** A client of the server that the environment names, asked once whether it is there. @throws TrackingError */
export async function reachableClient(env: NodeJS.ProcessEnv): Promise<MlflowClient> {
  let client: MlflowClient;
  try {
    client = clientFromEnv(env);
  } catch (error) {
    throw trackingError(error);
  }
  await tracked(client.server.health());
  return client;
}

const onServer = (client: MlflowClient): Pick<ResolvedTracking, "openTracker" | "description" | "uri"> => ({
  openTracker: (experiment) => openMlflowTracker({ client, experiment }),
  description: `MLflow at ${client.baseUrl}`,
  uri: client.baseUrl,
});

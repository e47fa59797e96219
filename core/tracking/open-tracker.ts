import { join, resolve } from "node:path";
import { describeError } from "../errors.ts";
import {
  clientFromEnv,
  createMlflowClient,
  type MlflowClient,
  MlflowError,
  type TransportOptions,
} from "../mlflow-js-client/index.ts";
import { openDiskTracker } from "./disk-tracker.ts";
import { openDurableTracker } from "./durable-tracker.ts";
import { NoMlflowError, tracked, trackingError } from "./errors.ts";
import { type ManagedMlflow, startManagedMlflow } from "./managed-mlflow.ts";
import type { OpenTracker } from "./tracker.ts";

export interface ResolveOptions {
  /** Folder of the project's own MLflow and of what is kept on disk. */
  readonly home: string;
  /** Lines about longer work: installing, starting a server. */
  readonly onProgress?: (line: string) => void;
  /** A line the user should read. */
  readonly warn?: (line: string) => void;
  /** Where runs' journals are kept, with and without a server. Default `<home>/runs`. */
  readonly diskRoot?: string;
  /**
   * What to do when nobody answers at the named address at the start. "fail" (default) tells a wrong address at once;
   * "continue" keeps the runs on disk until someone does.
   */
  readonly absent?: "fail" | "continue";
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
 * With a server they are journaled on disk, too, and what it does once it was there stops nothing.
 * @throws TrackingError when the server named is not there or refuses, or our own does not start
 */
export async function resolveTracking(
  env: NodeJS.ProcessEnv,
  options: ResolveOptions,
): Promise<ResolvedTracking> {
  const { home, onProgress, warn } = options;
  const root = resolve(options.diskRoot ?? join(home, "runs"));
  const onServer = (
    connect: Connect,
    told = false,
  ): Pick<ResolvedTracking, "openTracker" | "description" | "uri"> => {
    const { baseUrl } = connect({});
    return {
      openTracker: (experiment) =>
        openDurableTracker({ connect, experiment, root, warn, line: onProgress, told }),
      description: `MLflow at ${baseUrl}`,
      uri: baseUrl,
    };
  };
  if (env.MLFLOW_TRACKING_URI?.trim()) {
    const connect: Connect = (transport) => namedClient(env, transport);
    let told = false;
    try {
      await connect({}).server.health();
    } catch (error) {
      const failed = trackingError(error);
      if (!isPassing(error, options.absent ?? "fail")) throw failed;
      told = true;
      warn?.(
        `${describeError(failed)}. The work goes on: runs are kept in ${root}, and the server is tried again and again; what it does not have in the end is uploaded by: npx dualtail sync ${root}`,
      );
    }
    return { ...onServer(connect, told), stop: async () => undefined };
  }
  try {
    const managed = await startManagedMlflow({ home, onProgress, env });
    const server = onServer((transport) => createMlflowClient({ trackingUri: managed.uri, ...transport }));
    return { ...server, managed, stop: () => managed.stop() };
  } catch (error) {
    if (!(error instanceof NoMlflowError)) throw error;
    warn?.(`${error.oneLine}. The runs are kept on disk; upload them later: npx dualtail sync ${root}`);
    return {
      openTracker: (experiment) => openDiskTracker({ root, experiment, warn }),
      description: `the folder ${root}`,
      stop: async () => undefined,
    };
  }
}

type Connect = (options: TransportOptions) => MlflowClient;

/** A server that is there and unwell is waited for; where there is none, the address may be wrong. */
const isPassing = (error: unknown, absent: "fail" | "continue"): boolean =>
  error instanceof MlflowError && error.transient && (absent === "continue" || !error.unreachable);

/** A client of the server that the environment names, asked once whether it is there. @throws TrackingError */
export async function reachableClient(
  env: NodeJS.ProcessEnv,
  options: TransportOptions = {},
): Promise<MlflowClient> {
  const client = namedClient(env, options);
  await tracked(client.server.health());
  return client;
}

/** @throws TrackingError for an address that is none */
function namedClient(env: NodeJS.ProcessEnv, options: TransportOptions = {}): MlflowClient {
  try {
    return clientFromEnv(env, options);
  } catch (error) {
    throw trackingError(error);
  }
}

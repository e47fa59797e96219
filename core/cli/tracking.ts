import path from "node:path";
import type { Tracking } from "../container/index.ts";
import type { Reporter } from "../container/reporter.ts";
import { createMlflowClient, type MlflowClient, type TransportOptions } from "../mlflow-js-client/index.ts";
import {
  type ManagedMlflow,
  reachableClient,
  resolveTracking,
  startManagedMlflow,
} from "../tracking/index.ts";
import type { Host } from "./host.ts";

/** Folder of the MLflow server that dualtail keeps, and of what is kept on disk without one. */
export const homeFolder = (cwd: string): string => path.resolve(cwd, ".dualtail");

const withUri = (env: NodeJS.ProcessEnv, uri?: string): NodeJS.ProcessEnv =>
  uri === undefined ? env : { ...env, MLFLOW_TRACKING_URI: uri };

const lines = (reporter: Reporter) => ({
  onProgress: (line: string) => reporter.line(line),
  warn: (line: string) => reporter.warn(line),
});

/** A comparison's tracking as the command line opened it. */
export interface OpenedTracking extends Tracking {
  /** The server that was started for it, when one was. */
  readonly managed?: ManagedMlflow;
  /** A client of its server, when there is one. @throws TrackingError while nobody answers there */
  client?(): Promise<MlflowClient>;
}

/** Where journals are kept. */
export const journalFolder = (cwd: string): string => path.join(homeFolder(cwd), "runs");

/**
 * Decides where a comparison's data goes: the server named, else a server of our own, else the disk.
 * @param absent what to do when nobody answers at the address that is named
 */
export async function openTracking(
  host: Host,
  reporter: Reporter,
  uri?: string,
  absent: "fail" | "continue" = "fail",
): Promise<OpenedTracking> {
  const env = withUri(host.env, uri);
  const tracking = await resolveTracking(env, {
    home: homeFolder(host.cwd),
    diskRoot: journalFolder(host.cwd),
    absent,
    ...lines(reporter),
  });
  reporter.line(`Tracking: ${tracking.description}`);
  const { openTracker, description, managed, stop } = tracking;
  const client = async () =>
    managed ? createMlflowClient({ trackingUri: managed.uri }) : reachableClient(env);
  return {
    open: openTracker,
    description,
    close: stop,
    ...(managed ? { managed } : {}),
    ...(tracking.uri === undefined ? {} : { client }),
  };
}

/** Starts the server that dualtail keeps, or finds it running. */
export const openManagedServer = (host: Host, reporter: Reporter): Promise<ManagedMlflow> =>
  startManagedMlflow({ home: homeFolder(host.cwd), env: host.env, onProgress: lines(reporter).onProgress });

/** A client for uploading: of the server named, else of our own. */
export async function openClient(
  host: Host,
  reporter: Reporter,
  uri?: string,
  options: TransportOptions = {},
): Promise<{ client: MlflowClient; close(): Promise<void> }> {
  const env = withUri(host.env, uri);
  if (env.MLFLOW_TRACKING_URI?.trim())
    return { client: await reachableClient(env, options), close: async () => {} };
  const managed = await openManagedServer(host, reporter);
  return {
    client: createMlflowClient({ trackingUri: managed.uri, ...options }),
    close: () => managed.stop(),
  };
}

import type { Reporter } from "../comparison/reporter.ts";
import type { Tracking } from "../container/index.ts";
import type { OpenTracker } from "../tracking/tracker.ts";
import type { Host } from "./host.ts";

export interface TrackingOptions {
  /** What `--tracking-uri` says. */
  readonly uri?: string;
  readonly env: NodeJS.ProcessEnv;
  /** Folder for what has to be kept on disk. */
  readonly folder: string;
  readonly reporter: Reporter;
  readonly signal: AbortSignal;
}

export interface ResolvedTracking {
  readonly openTracker: OpenTracker;
  readonly description: string;
  /** Lets go of a server that was started. */
  close?(): Promise<void>;
}

/** What the command line needs of core/tracking/open-tracker. */
export interface OpenTrackerModule {
  /** Where data goes: the server at `uri`, else MLFLOW_TRACKING_URI, else a server that dualtail keeps, else the disk. */
  resolveTracking(options: TrackingOptions): Promise<ResolvedTracking>;
  /** Starts the server that dualtail keeps, or finds it running. */
  openManagedServer(
    options: Omit<TrackingOptions, "uri">,
  ): Promise<{ readonly url: string; stop(): Promise<void> }>;
}

/** What the command line needs of core/tracking/sync. */
export interface SyncModule {
  /** Uploads what is kept in a run folder; resolves to a line that says what and where. */
  syncToMlflow(options: TrackingOptions): Promise<string>;
}

/** Sources or compiled, like this module. */
const load = (module: string): Promise<unknown> =>
  import(
    new URL(`../tracking/${module}${import.meta.url.endsWith(".ts") ? ".ts" : ".js"}`, import.meta.url).href
  );

export const openTrackerModule = () => load("open-tracker") as Promise<OpenTrackerModule>;
export const syncModule = () => load("sync") as Promise<SyncModule>;

/** Decides where a comparison's data goes. */
export async function openTracking(
  host: Host,
  reporter: Reporter,
  folder: string,
  uri?: string,
): Promise<Tracking> {
  const { resolveTracking } = await openTrackerModule();
  const { env, signal } = host;
  const { openTracker, description, close } = await resolveTracking({ uri, env, folder, reporter, signal });
  return { open: openTracker, description, close: close ?? (async () => {}) };
}

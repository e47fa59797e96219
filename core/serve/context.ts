import type { PluginRegistry, Tracking } from "../container/index.ts";
import type { Reporter } from "../container/reporter.ts";
import type { MlflowClient } from "../mlflow-js-client/index.ts";
import type { ServeConfig } from "./config/index.ts";
import type { Queue } from "./queue.ts";
import type { CellQueue } from "./redis/cell-queue.ts";

/** What every part of the server shares. */
export interface ServeContext {
  readonly client: MlflowClient;
  readonly config: ServeConfig;
  readonly registry: PluginRegistry;
  /** Of the server's file. */
  readonly baseDir: string;
  readonly tracking: Tracking;
  readonly reporter: Reporter;
  /** Folder for run folders; absolute. */
  readonly outputDir: string;
  readonly cacheDir: string;
  /** Folder of the runs' journals; absolute. */
  readonly journals: string;
  readonly queue: Queue;
  /** Where cells are trained by workers; absent: here. */
  readonly cells?: CellQueue;
}

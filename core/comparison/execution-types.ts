import type { PluginRegistry } from "../container/index.ts";
import type { Reporter } from "../container/reporter.ts";
import type { OpenTracker } from "../tracking/tracker.ts";
import type { ComparisonConfig } from "./config/types.ts";
import type { CellKind, Plan } from "./plan/types.ts";

/** A run that someone else made, which becomes the parent: what `dualtail serve` was sent. */
export interface Adoption {
  /** Its own id, its tag `dualtail.run_id`. */
  readonly id: string;
  /** The server's id of it, where it is known to be there. */
  readonly serverId?: string;
  /** Run folder to make. */
  readonly folder: string;
  /** Further ones of the parent. */
  readonly tags: Readonly<Record<string, string>>;
}

/** A cell to be trained by another process. */
export interface TrainingOrder {
  readonly cell: string;
  /** Its place in the plan. */
  readonly index: number;
  readonly label: string;
  /** Of the content it is to be trained with. */
  readonly fingerprint: string;
}

/** How it ended. */
export interface TrainingOutcome {
  readonly cell: string;
  /** Own id of its run. */
  readonly runId: string;
  /** Absent when its run has finished. */
  readonly failed?: string;
}

/**
 * Has cells trained by other processes, each as a nested run of the comparison with this own id. When `signal` is
 * aborted it rejects with an Interrupted, once nobody trains them any more.
 */
export type TrainElsewhere = (
  comparison: string,
  orders: readonly TrainingOrder[],
  signal: AbortSignal,
) => Promise<readonly TrainingOutcome[]>;

/** A comparison that is planned, and what it is run with; folders are absolute. */
export interface ExecuteOptions {
  readonly config: ComparisonConfig;
  readonly plan: Plan;
  readonly registry: PluginRegistry;
  /** Relative paths in plugin options are relative to it. */
  readonly baseDir: string;
  readonly openTracker: OpenTracker;
  /** For a person: where the data goes. */
  readonly trackingDescription: string;
  readonly reporter: Reporter;
  /** Aborted by the first Ctrl-C: finish the step, leave a checkpoint, mark runs KILLED. */
  readonly signal: AbortSignal;
  /** Folder for this and other comparisons' run folders; absolute. */
  readonly outputDir: string;
  /** Folder for what survives between comparisons (decoded images, rendered datasets); absolute. */
  readonly cacheDir: string;
  /** Run folder of a comparison to go on with. */
  readonly resume?: string;
  /** What was asked for, as `identityOf` makes it; kept in the run folder for `findInterrupted`. */
  readonly identity?: string;
  readonly adopt?: Adoption;
  /** Run every cell, also those that the experiment has finished runs of. */
  readonly rerun?: boolean;
  /** Absent: cells are trained here. Needs a tracker that can be asked for finished runs. */
  readonly trainElsewhere?: TrainElsewhere;
  /** The config file's text, kept as an artifact. */
  readonly configSource: string;
}

/** One row of the result table: a cell, or the zero-shot predictions of a backbone. */
export interface ResultRow {
  /** Cell id, or "zero-shot:" and the backbone's label. */
  readonly cell: string;
  readonly label: string;
  readonly kind: CellKind | "zero-shot";
  readonly loss: string;
  readonly backbones: readonly string[];
  /** Absent where nothing is random. */
  readonly seed?: number;
  /** By name, in [0, 1] unless the name says otherwise. */
  readonly metrics: Readonly<Record<string, number>>;
  /** The finished run of an earlier comparison that the row was taken from. */
  readonly reused?: { readonly run: string; readonly url?: string };
}

/** What came of a comparison. */
export interface ComparisonResult {
  readonly rows: readonly ResultRow[];
  /** Markdown. */
  readonly table: string;
  /** The same for a terminal. */
  readonly tableText: string;
  /** Page of the parent run, when there is one. */
  readonly url?: string;
  /** Run folder; what `--resume` and `sync` take. */
  readonly folder: string;
  /** Cells that did not finish, and why. */
  readonly failed: readonly { readonly label: string; readonly reason: string }[];
}

/**
 * Runs a plan: the port `executor`. Rejects only when nothing could be run or it was stopped; a cell that fails is told in
 * `failed`.
 */
export type ExecuteComparison = (options: ExecuteOptions) => Promise<ComparisonResult>;

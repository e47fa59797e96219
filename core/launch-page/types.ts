/** Types alone, shared with the browser: nothing here may import what only Node has. */

export type JsonObject = Readonly<Record<string, unknown>>;

/** What a form, a preset or a tag comes to. */
export interface LaunchRequest {
  readonly version: 1;
  /** A comparison's config, as far as a request may say it. */
  readonly config: JsonObject;
  /** Run every cell, also those that the experiment has finished runs of. */
  readonly rerun?: boolean;
}

/** What one choice of a loss's options means for the plan. */
export interface LossForm {
  /** Options with the values that select this form; the first form that fits counts. Absent: fits always. */
  readonly when?: JsonObject;
  readonly mode: "single" | "joint" | "post-hoc";
  /** The loss whose trainings a post-hoc loss combines; absent: it trains nothing. */
  readonly base?: { readonly use: string; readonly options: JsonObject };
  /** What a post-hoc cell is over: all backbones (the default), one backbone, or runs of one that differ by seed. */
  readonly over?: "backbones" | "one" | "seeds";
  /** Runs per cell for `over: "seeds"`; absent: as many as there are backbones, at least 2. */
  readonly runs?: number;
}

export interface LossOffer {
  readonly name: string;
  /** Options that are not given. */
  readonly defaults?: JsonObject;
  /** Absent: trained once per backbone and seed. */
  readonly forms?: readonly LossForm[];
}

/** What the watcher is willing to run; every name is one that a request may contain. */
export interface LaunchOffers {
  readonly datasets: readonly string[];
  readonly backbones: readonly string[];
  readonly losses: readonly (string | LossOffer)[];
  readonly pefts: readonly string[];
  readonly devices: readonly string[];
}

/** What the watcher refuses to exceed. */
export interface LaunchLimits {
  /** Of one requester, within a day. */
  readonly trainings?: number;
  readonly epochs?: number;
  /** Images per update. */
  readonly batchSize?: number;
}

/** What finished trainings of one offered dataset and backbone took on one device, their evaluation included. */
export interface Timing {
  readonly dataset: string;
  readonly backbone: string;
  readonly device: string;
  /** Median. */
  readonly secondsPerEpoch: number;
  /** How many trainings it is of. */
  readonly trainings: number;
}

export interface LaunchPageData {
  readonly experimentId: string;
  readonly experimentName: string;
  /** The comparison's schema as published (schemas/comparison.schema.json, or with the watcher's own plugins). */
  readonly schema: JsonObject;
  /** Configs to start from, whole or in part, by name. */
  readonly presets: Readonly<Record<string, JsonObject>>;
  readonly offers: LaunchOffers;
  readonly limits?: LaunchLimits;
  /** Address of MLflow's pages, for links, where the form itself is served from elsewhere. */
  readonly mlflowUrl?: string;
  /** What trainings took lately; where nothing is known of a choice no estimate is shown. */
  readonly timings?: readonly Timing[];
}

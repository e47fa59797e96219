/** MLflow's entities as its REST API 2.0 sends them, in camel case. Times are milliseconds since the epoch. */

/** Deleted things stay until `mlflow gc`. */
export type LifecycleStage = "active" | "deleted";
/** Where a run stands. */
export type RunStatus = "RUNNING" | "SCHEDULED" | "FINISHED" | "FAILED" | "KILLED";
/** Which lifecycle stages a search looks at. */
export type ViewType = "ACTIVE_ONLY" | "DELETED_ONLY" | "ALL";

/** A named group of runs. */
export interface Experiment {
  readonly experimentId: string;
  readonly name: string;
  readonly artifactLocation: string;
  readonly lifecycleStage: LifecycleStage;
  readonly creationTime?: number;
  readonly lastUpdateTime?: number;
  readonly tags: Readonly<Record<string, string>>;
}

/** What a run is, without its data. */
export interface RunInfo {
  readonly runId: string;
  readonly experimentId: string;
  readonly runName: string;
  readonly status: RunStatus;
  readonly startTime: number;
  readonly endTime?: number;
  readonly artifactUri: string;
  readonly lifecycleStage: LifecycleStage;
  readonly userId?: string;
}

/**
 * `value` may be NaN. MLflow's SQL stores keep ±Infinity as ±1.7976931348623157e308, and that is what comes back.
 */
export interface Metric {
  readonly key: string;
  readonly value: number;
  readonly timestamp: number;
  readonly step: number;
}

/** A dataset that a run used. */
export interface Dataset {
  readonly name: string;
  /** At most 36 characters. */
  readonly digest: string;
  /** "local", "http", "hugging_face", … */
  readonly sourceType: string;
  /** JSON, by MLflow's convention. */
  readonly source: string;
  /** JSON, by MLflow's convention. */
  readonly schema?: string;
  readonly profile?: string;
}

/** A dataset and what a run used it for. */
export interface DatasetInput {
  readonly dataset: Dataset;
  /** `mlflow.data.context` says what the run used it for. */
  readonly tags: Readonly<Record<string, string>>;
}

/** A run and its data. */
export interface Run {
  readonly info: RunInfo;
  /** The newest value of each metric. */
  readonly metrics: readonly Metric[];
  readonly params: Readonly<Record<string, string>>;
  readonly tags: Readonly<Record<string, string>>;
  readonly datasets: readonly DatasetInput[];
}

/** A file or folder among the artifacts. */
export interface Artifact {
  /** Below the run's artifact root. */
  readonly path: string;
  readonly isDir: boolean;
  readonly size?: number;
}

/** One page of a search. */
export interface Page<T> {
  readonly items: readonly T[];
  /** Absent on the last page. */
  readonly nextPageToken?: string;
}

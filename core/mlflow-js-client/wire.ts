import type {
  Artifact,
  DatasetInput,
  Experiment,
  LifecycleStage,
  Metric,
  Run,
  RunInfo,
  RunStatus,
} from "./types.ts";

/** The JSON of REST API 2.0, and how it becomes types.ts. int64 may come as a number or as a string. */

type Int = number | string;

export interface WirePair {
  readonly key: string;
  readonly value?: string;
}

export interface WireExperiment {
  readonly experiment_id: string;
  readonly name: string;
  readonly artifact_location?: string;
  readonly lifecycle_stage?: LifecycleStage;
  readonly creation_time?: Int;
  readonly last_update_time?: Int;
  readonly tags?: readonly WirePair[];
}

export interface WireRunInfo {
  readonly run_id: string;
  readonly experiment_id: string;
  readonly run_name?: string;
  readonly status?: RunStatus;
  readonly start_time?: Int;
  readonly end_time?: Int;
  readonly artifact_uri?: string;
  readonly lifecycle_stage?: LifecycleStage;
  readonly user_id?: string;
}

export interface WireMetric {
  readonly key: string;
  /** "NaN", "Infinity" and "-Infinity" as strings. */
  readonly value?: number | string;
  readonly timestamp?: Int;
  readonly step?: Int;
}

export interface WireDatasetInput {
  readonly tags?: readonly WirePair[];
  readonly dataset: {
    readonly name: string;
    readonly digest: string;
    readonly source_type: string;
    readonly source: string;
    readonly schema?: string;
    readonly profile?: string;
  };
}

export interface WireRun {
  readonly info: WireRunInfo;
  readonly data?: {
    readonly metrics?: readonly WireMetric[];
    readonly params?: readonly WirePair[];
    readonly tags?: readonly WirePair[];
  };
  readonly inputs?: { readonly dataset_inputs?: readonly WireDatasetInput[] };
}

export interface WireFile {
  readonly path: string;
  readonly is_dir?: boolean;
  readonly file_size?: Int;
}

export const fromPairs = (pairs: readonly WirePair[] = []): Record<string, string> =>
  Object.fromEntries(pairs.map(({ key, value }) => [key, value ?? ""]));

export const toPairs = (record: Readonly<Record<string, string>> = {}): WirePair[] =>
  Object.entries(record).map(([key, value]) => ({ key, value }));

const optional = (value: Int | undefined) => (value === undefined ? undefined : Number(value));

export const toExperiment = (wire: WireExperiment): Experiment => ({
  experimentId: wire.experiment_id,
  name: wire.name,
  artifactLocation: wire.artifact_location ?? "",
  lifecycleStage: wire.lifecycle_stage ?? "active",
  creationTime: optional(wire.creation_time),
  lastUpdateTime: optional(wire.last_update_time),
  tags: fromPairs(wire.tags),
});

export const toRunInfo = (wire: WireRunInfo): RunInfo => ({
  runId: wire.run_id,
  experimentId: wire.experiment_id,
  runName: wire.run_name ?? "",
  status: wire.status ?? "RUNNING",
  startTime: Number(wire.start_time ?? 0),
  endTime: optional(wire.end_time),
  artifactUri: wire.artifact_uri ?? "",
  lifecycleStage: wire.lifecycle_stage ?? "active",
  userId: wire.user_id,
});

export const toMetric = (wire: WireMetric): Metric => ({
  key: wire.key,
  value: Number(wire.value ?? 0),
  timestamp: Number(wire.timestamp ?? 0),
  step: Number(wire.step ?? 0),
});

export const fromMetric = ({ key, value, timestamp, step }: Metric): WireMetric => ({
  key,
  // JSON has no NaN; MLflow reads these three as strings.
  value: Number.isFinite(value) ? value : String(value),
  timestamp: Math.round(timestamp),
  step: Math.round(step),
});

export const toRun = (wire: WireRun): Run => ({
  info: toRunInfo(wire.info),
  metrics: (wire.data?.metrics ?? []).map(toMetric),
  params: fromPairs(wire.data?.params),
  tags: fromPairs(wire.data?.tags),
  datasets: (wire.inputs?.dataset_inputs ?? []).map(toDatasetInput),
});

const toDatasetInput = ({ tags, dataset: { source_type, ...dataset } }: WireDatasetInput): DatasetInput => ({
  tags: fromPairs(tags),
  dataset: { ...dataset, sourceType: source_type },
});

export const fromDatasetInput = ({ tags, dataset }: DatasetInput): WireDatasetInput => {
  const { sourceType, ...rest } = dataset;
  return { tags: toPairs(tags), dataset: { ...rest, source_type: sourceType } };
};

export const toArtifact = ({ path, is_dir = false, file_size }: WireFile): Artifact => ({
  path,
  isDir: is_dir,
  size: optional(file_size),
});

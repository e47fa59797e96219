import { GROUPS, type Group } from "../../evaluation/index.ts";
import type { MlflowClient, RunInfo } from "../../mlflow-js-client/index.ts";
import { hasErrorCode, MlflowError } from "../../mlflow-js-client/index.ts";
import { RunArtifactError } from "../errors.ts";
import { parseCsv } from "./csv.ts";

/** What per-class.json says about each class. */
export interface ClassTable {
  /** [K] each */
  readonly names: readonly string[];
  readonly trainCounts: readonly number[];
  readonly downstream: readonly Group[];
  readonly pretrain: readonly Group[];
  /** What the P-groups were made from. */
  readonly prior?: readonly number[];
  /** Whether those are counts that a checkpoint records; only said of runs over one backbone. */
  readonly recorded: boolean;
}

/** What predictions.csv says about each test image. */
export interface Predictions {
  /** [N] */
  readonly images: readonly string[];
  readonly labels: Int32Array;
  readonly correct: Uint8Array;
}

/** Pre-training prior of a backbone, [K] each. */
export interface PriorTable {
  readonly estimated: readonly number[];
  /** Counts that the checkpoint records. */
  readonly recorded?: readonly number[];
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const isNumber = (value: unknown): value is number => typeof value === "number" && Number.isFinite(value);
const isGroup = (value: unknown): value is Group => (GROUPS as readonly unknown[]).includes(value);

/** @throws RunArtifactError */
export async function readClassTable(client: MlflowClient, run: RunInfo): Promise<ClassTable> {
  const name = "per-class.json";
  const rows = await readJson(client, run, name);
  if (!Array.isArray(rows) || rows.length === 0) throw new RunArtifactError(run, name, "lists no classes");
  const table = rows.map((row: unknown, k) => {
    const fits =
      isRecord(row) &&
      typeof row.name === "string" &&
      isNumber(row.n_train) &&
      isGroup(row.d_group) &&
      isGroup(row.p_group);
    if (!fits) throw new RunArtifactError(run, name, `lacks name, n_train, d_group or p_group of class ${k}`);
    const { name: className, n_train, d_group, p_group, prior, n_pretrain } = row;
    return { className, n_train, d_group, p_group, prior, n_pretrain } as {
      className: string;
      n_train: number;
      d_group: Group;
      p_group: Group;
      prior: unknown;
      n_pretrain: unknown;
    };
  });
  const names = table.map(({ className }) => className);
  const twice = names.find((own, k) => names.indexOf(own) !== k);
  if (twice !== undefined) throw new RunArtifactError(run, name, `has two classes called "${twice}"`);
  const prior = table.map((own) => own.prior);
  return {
    names,
    ...(prior.every(isNumber) ? { prior } : {}),
    recorded: table.every(({ n_pretrain }) => isNumber(n_pretrain)),
    trainCounts: table.map(({ n_train }) => n_train),
    downstream: table.map(({ d_group }) => d_group),
    pretrain: table.map(({ p_group }) => p_group),
  };
}

/** @throws RunArtifactError */
export async function readPredictions(
  client: MlflowClient,
  run: RunInfo,
  classNames: readonly string[],
): Promise<Predictions> {
  const name = "predictions.csv";
  const [header = [], ...records] = parseCsv(await readText(client, run, name));
  const [image, label, right] = ["image", "label", "correct"].map((column) => {
    const at = header.indexOf(column);
    if (at < 0) throw new RunArtifactError(run, name, `has no column "${column}"`);
    return at;
  }) as [number, number, number];
  if (records.length === 0) throw new RunArtifactError(run, name, "has no images");
  const index = new Map(classNames.map((className, k) => [className, k]));
  const labels = new Int32Array(records.length);
  const correct = new Uint8Array(records.length);
  for (const [i, record] of records.entries()) {
    const k = index.get(record[label] ?? "");
    const bit = record[right];
    if (record.length !== header.length || k === undefined || (bit !== "0" && bit !== "1")) {
      throw new RunArtifactError(run, name, `is broken in line ${i + 2}`);
    }
    labels[i] = k;
    correct[i] = Number(bit);
  }
  return { images: records.map((record) => record[image]!), labels, correct };
}

/** @throws RunArtifactError */
export async function readPrior(
  client: MlflowClient,
  run: RunInfo,
  classNames: readonly string[],
): Promise<PriorTable> {
  const name = "pretrain-prior.json";
  const content = await readJson(client, run, name);
  const classes: unknown[] = isRecord(content) && Array.isArray(content.classes) ? content.classes : [];
  const byName = new Map(
    classes.flatMap((entry) => (isRecord(entry) ? [[entry.class, entry] as const] : [])),
  );
  const entries = classNames.map((className) => byName.get(className));
  const column = (key: string) => entries.map((entry) => entry?.[key]);
  const estimated = column("prior");
  const recorded = column("recorded");
  if (!estimated.every(isNumber)) throw new RunArtifactError(run, name, "lacks the prior of some classes");
  return { estimated, ...(recorded.every(isNumber) ? { recorded } : {}) };
}

/** Ids of the runs that a comparison took from earlier ones instead of running them again. @throws RunArtifactError */
export async function readReused(client: MlflowClient, run: RunInfo): Promise<string[]> {
  const name = "reused.json";
  const entries = await readJson(client, run, name);
  const ids = Array.isArray(entries) ? entries.map((entry) => (isRecord(entry) ? entry.run : undefined)) : [];
  if (ids.length === 0 || !ids.every((id) => typeof id === "string")) {
    throw new RunArtifactError(run, name, "lists no runs");
  }
  return ids;
}

async function readJson(client: MlflowClient, run: RunInfo, name: string): Promise<unknown> {
  const text = await readText(client, run, name);
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new RunArtifactError(run, name, "is no JSON", cause);
  }
}

async function readText(client: MlflowClient, run: RunInfo, name: string): Promise<string> {
  try {
    return new TextDecoder().decode(await client.artifacts.download(run, name));
  } catch (error) {
    // A server that fails or cannot be reached is another matter than a run without the file.
    const missing =
      hasErrorCode(error, "RESOURCE_DOES_NOT_EXIST") ||
      (error instanceof MlflowError && error.status === 404);
    const unreadable = hasErrorCode(error, "UNSUPPORTED_ARTIFACT_URI");
    if (!missing && !unreadable) throw error;
    throw new RunArtifactError(
      run,
      name,
      missing ? "is missing" : "cannot be read through the server",
      error,
    );
  }
}

import { dualTail, type Group } from "../../evaluation/index.ts";
import type { MlflowClient, Run } from "../../mlflow-js-client/index.ts";
import { trackingError } from "../../tracking/errors.ts";
import { ReportError, RunArtifactError } from "../errors.ts";
import { type ClassTable, type Predictions, readClassTable, readPredictions } from "./artifacts.ts";
import { differencesOf, labelOf, methodOf, seedOf, settingOf } from "./identity.ts";

/** A run of a row. */
export interface SeededRun {
  readonly run: Run;
  readonly seed: number | undefined;
  readonly correct: Uint8Array;
  /** Newest values, e.g. "test/knn", in [0, 1]. */
  readonly metrics: Readonly<Record<string, number>>;
}

/** A method on a backbone or a combination of backbones. */
export interface Row {
  /** Of the loss, as the config called it. */
  readonly label: string;
  /** Name of the loss's plugin. */
  readonly loss: string;
  readonly kind: string;
  readonly backbones: readonly string[];
  /** Params beginning with "loss.". */
  readonly options: Readonly<Record<string, string>>;
  /** By seed, ascending. */
  readonly runs: readonly SeededRun[];
  /** [K] */
  readonly downstream: readonly Group[];
  readonly pretrain: readonly Group[];
}

/** What a report is made of. */
export interface Gathered {
  readonly setting: Readonly<Record<string, string>>;
  /** [K] */
  readonly classNames: readonly string[];
  readonly trainCounts: readonly number[];
  /** [N] */
  readonly labels: Int32Array;
  readonly rows: readonly Row[];
  /** Runs left out, and why. */
  readonly omitted: readonly string[];
}

export const nameOf = ({ label, backbones }: Row): string => `${label} · ${backbones.join(" + ")}`;
export const dualTailOf = (row: Row): number[] => dualTail(row.downstream, row.pretrain);

interface Read {
  readonly run: Run;
  readonly table: ClassTable;
  readonly predictions: Predictions;
}

/**
 * Joins runs to rows: one setting (that of the newest run), of runs that repeat each other the newest, one set of test
 * images (that of most runs). What does not fit is left out with its reason.
 *
 * @param runs newest first
 * @throws ReportError when no run is left; TrackingError for a server that fails
 */
export async function gatherRows(client: MlflowClient, runs: readonly Run[]): Promise<Gathered> {
  const omitted: string[] = [];
  const setting = settingOf(runs[0]!);
  const newest = new Map<string, Run>();
  const foreign = new Map<string, number>();
  for (const run of runs) {
    const other = differencesOf(settingOf(run), setting);
    const key = JSON.stringify([methodOf(run), seedOf(run) ?? null]);
    if (other.length > 0) foreign.set(other.join(", "), (foreign.get(other.join(", ")) ?? 0) + 1);
    else if (!newest.has(key)) newest.set(key, run);
    else omitted.push(`${called(run)}: a newer run of the same cell counts`);
  }
  for (const [how, count] of foreign) {
    omitted.push(`${count} ${count === 1 ? "run" : "runs"} of another setting: ${how}`);
  }
  const all: Read[] = [];
  for (const run of newest.values()) {
    const made = await readRun(client, run, omitted);
    if (made) all.push(made);
  }
  if (all.length === 0) throw new ReportError(`no run can be reported: ${omitted.join("; ")}`);
  const { read, others } = mostAlike(all);
  for (const { run } of others) {
    omitted.push(`${called(run)}: other classes or test images than ${called(read[0]!.run)}`);
  }
  const { table, predictions } = read[0]!;
  return {
    setting,
    classNames: table.names,
    trainCounts: table.trainCounts,
    labels: predictions.labels,
    rows: toRows(read),
    omitted,
  };
}

const called = ({ info }: Run) => `"${info.runName}" (${info.runId})`;

async function readRun(client: MlflowClient, run: Run, omitted: string[]): Promise<Read | undefined> {
  try {
    const table = await readClassTable(client, run.info);
    return { run, table, predictions: await readPredictions(client, run.info, table.names) };
  } catch (error) {
    if (!(error instanceof RunArtifactError)) throw trackingError(error);
    omitted.push(error.message);
    return undefined;
  }
}

/** The runs over the same classes and test images that are most; of equally many the newest. */
function mostAlike(all: readonly Read[]): { read: Read[]; others: Read[] } {
  const groups = new Map<string, Read[]>();
  for (const own of all) {
    const { table, predictions } = own;
    const key = JSON.stringify([table.names, predictions.images, [...predictions.labels]]);
    groups.set(key, [...(groups.get(key) ?? []), own]);
  }
  const read = [...groups.values()].reduce((best, own) => (own.length > best.length ? own : best));
  return { read, others: all.filter((own) => !read.includes(own)) };
}

function toRows(read: readonly Read[]): Row[] {
  const byMethod = new Map<string, Read[]>();
  // Oldest first: rows appear in the order in which the comparison ran them.
  for (const own of [...read].reverse()) {
    const key = JSON.stringify(methodOf(own.run));
    byMethod.set(key, [...(byMethod.get(key) ?? []), own]);
  }
  const rows = [...byMethod.values()].map((members): Row => {
    const { run, table } = members[0]!;
    const { loss = "", backbone = "", kind = "" } = run.params;
    const options = Object.fromEntries(Object.entries(run.params).filter(([key]) => key.startsWith("loss.")));
    return {
      label: labelOf(run) ?? loss,
      loss,
      kind: run.tags["dualtail.kind"] ?? kind,
      backbones: kind === "joint" || kind === "post-hoc" ? backbone.split("+") : [backbone],
      options,
      downstream: table.downstream,
      pretrain: table.pretrain,
      runs: members.map(toSeeded).sort((a, b) => (a.seed ?? 0) - (b.seed ?? 0)),
    };
  });
  // Two rows must not look the same, whatever their users called them.
  return rows.map((row) =>
    rows.some((other) => other !== row && nameOf(other) === nameOf(row))
      ? { ...row, label: `${row.label} (${showOptions(row)})` }
      : row,
  );
}

const showOptions = ({ kind, options }: Row) =>
  [kind, ...Object.entries(options).map(([key, value]) => `${key.slice("loss.".length)}=${value}`)].join(
    ", ",
  );

const toSeeded = ({ run, predictions }: Read): SeededRun => ({
  run,
  seed: seedOf(run),
  correct: predictions.correct,
  metrics: Object.fromEntries(run.metrics.map(({ key, value }) => [key, value])),
});

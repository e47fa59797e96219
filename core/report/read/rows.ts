import { dualTail, type Group } from "../../evaluation/index.ts";
import type { MlflowClient, Run } from "../../mlflow-js-client/index.ts";
import { trackingError } from "../../tracking/errors.ts";
import { ReportError, RunArtifactError } from "../errors.ts";
import { type ClassTable, type Predictions, readClassTable, readPredictions } from "./artifacts.ts";
import {
  foreignTo,
  isZeroShot,
  keyOf,
  labelOf,
  methodOf,
  NOTHING,
  type Params,
  seedOf,
  settingOf,
  type Varied,
  variedOf,
} from "./identity.ts";

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
  readonly options: Params;
  /** Params in which rows were allowed to differ beyond their method; empty where one setting is read. */
  readonly varied: Params;
  /** By seed, ascending. */
  readonly runs: readonly SeededRun[];
  /** [K] */
  readonly downstream: readonly Group[];
  readonly pretrain: readonly Group[];
  /** [K] what the P-groups were made from, where the run logged it. */
  readonly prior?: readonly number[];
  /** Whether that is what checkpoints record; only known of rows over one backbone. */
  readonly recorded?: boolean;
}

/** What a report is made of. */
export interface Gathered {
  readonly setting: Params;
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

/** What a run logged about classes and test images; each run is downloaded once. @throws RunArtifactError, TrackingError */
export type RunReader = (run: Run) => Promise<Read>;

export function runReader(client: MlflowClient): RunReader {
  const known = new Map<string, Promise<Read>>();
  const read = async (run: Run): Promise<Read> => {
    try {
      const table = await readClassTable(client, run.info);
      return { run, table, predictions: await readPredictions(client, run.info, table.names) };
    } catch (error) {
      throw error instanceof RunArtifactError ? error : trackingError(error);
    }
  };
  return (run) => {
    const made = known.get(run.info.runId) ?? read(run);
    known.set(run.info.runId, made);
    return made;
  };
}

export interface Gathering {
  /** Params in which rows may differ beyond their method. Default: none, so that all share one setting. */
  readonly varied?: Varied;
  /** The run whose setting counts. Default: the newest. */
  readonly like?: Pick<Run, "params">;
  /** A run that was read: its classes and test images count. Default: those of most runs. */
  readonly testedAs?: Run;
}

/**
 * Joins runs to rows: one setting (that of the newest run; of zero-shot runs as far as it can matter to them), of runs that repeat each other the newest, one set of test
 * images (that of most runs). What does not fit is left out with its reason.
 *
 * @param runs newest first
 * @throws ReportError when no run is left; TrackingError for a server that fails
 */
export async function gatherRows(
  read: RunReader,
  runs: readonly Run[],
  { varied = NOTHING, like = runs[0]!, testedAs }: Gathering = {},
): Promise<Gathered> {
  const omitted: string[] = [];
  const setting = settingOf(like, varied);
  const newest = new Map<string, Run>();
  const foreign = new Map<string, number>();
  for (const run of runs) {
    const other = foreignTo(run, setting, varied);
    const key = JSON.stringify([methodOf(run, varied), variedOf(run, varied), seedOf(run) ?? null]);
    if (other.length > 0) foreign.set(other.join(", "), (foreign.get(other.join(", ")) ?? 0) + 1);
    else if (!newest.has(key)) newest.set(key, run);
    else if (!isZeroShot(run)) omitted.push(`${called(run)}: a newer run of the same cell counts`);
  }
  for (const [how, count] of foreign) {
    omitted.push(`${count} ${count === 1 ? "run" : "runs"} of another setting: ${how}`);
  }
  const wanted = ownOrNeeded([...newest.values()], (run) => keyOf(settingOf(run, varied)) === keyOf(setting));
  const all: Read[] = [];
  for (const run of wanted) {
    try {
      all.push(await read(run));
    } catch (error) {
      if (!(error instanceof RunArtifactError)) throw error;
      omitted.push(error.message);
    }
  }
  if (all.length === 0) throw new ReportError(`no run can be reported: ${omitted.join("; ")}`);
  const { alike, others } = alikeOf(all, testedAs && (await read(testedAs)));
  if (alike.length === 0) throw new ReportError("no run was tested on the same images");
  for (const { run } of others) {
    omitted.push(`${called(run)}: other classes or test images than ${called(alike[0]!.run)}`);
  }
  const { table, predictions } = alike[0]!;
  return {
    setting,
    classNames: table.names,
    trainCounts: table.trainCounts,
    labels: predictions.labels,
    rows: toRows(alike, varied),
    omitted,
  };
}

/** Without zero-shot runs logged beside another setting whose backbone no run here has. */
function ownOrNeeded(runs: readonly Run[], isOwn: (run: Run) => boolean): Run[] {
  const backbones = new Set(
    runs.filter(isOwn).flatMap(({ params: { backbone = "" } }) => [backbone, ...backbone.split("+")]),
  );
  return runs.filter((run) => isOwn(run) || backbones.has(run.params.backbone ?? ""));
}

const called = ({ info }: Run) => `"${info.runName}" (${info.runId})`;

/** The runs over the same classes and test images as `reference`, else those that are most; of equally many the newest. */
function alikeOf(all: readonly Read[], reference?: Read): { alike: Read[]; others: Read[] } {
  const keyOfTest = ({ table, predictions }: Read) =>
    JSON.stringify([table.names, predictions.images, [...predictions.labels]]);
  const groups = new Map<string, Read[]>();
  for (const own of all) groups.set(keyOfTest(own), [...(groups.get(keyOfTest(own)) ?? []), own]);
  const alike = reference
    ? (groups.get(keyOfTest(reference)) ?? [])
    : [...groups.values()].reduce((best, own) => (own.length > best.length ? own : best));
  return { alike, others: all.filter((own) => !alike.includes(own)) };
}

function toRows(read: readonly Read[], varied: Varied): Row[] {
  const byMethod = new Map<string, Read[]>();
  // Oldest first: rows appear in the order in which the comparison ran them.
  for (const own of [...read].reverse()) {
    const key = JSON.stringify([methodOf(own.run, varied), variedOf(own.run, varied)]);
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
      varied: variedOf(run, varied),
      downstream: table.downstream,
      pretrain: table.pretrain,
      ...(table.prior ? { prior: table.prior, recorded: table.recorded } : {}),
      runs: members.map(toSeeded).sort((a, b) => (a.seed ?? 0) - (b.seed ?? 0)),
    };
  });
  // Two rows must not look the same, whatever their users called them.
  return rows.map((row) =>
    rows.some(
      (other) => other !== row && nameOf(other) === nameOf(row) && keyOf(other.varied) === keyOf(row.varied),
    )
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

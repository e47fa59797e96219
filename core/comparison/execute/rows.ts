import type { Metrics } from "../../evaluation/index.ts";
import type { ResultRow } from "../execution-types.ts";
import type { Cell, CellBackbone } from "../plan/index.ts";
import type { PreparedBackbone } from "./backbone.ts";
import type { GroupsOfRow } from "./measure.ts";
import { cellParams } from "./params.ts";
import type { TrainingHistory } from "./train-cell.ts";

/** What one row of the result came to. */
export interface Measured {
  /** [N_test, K] */
  readonly scores: Float32Array;
  readonly metrics: Metrics;
  readonly groups: GroupsOfRow;
  readonly backbones: readonly PreparedBackbone[];
  readonly history?: TrainingHistory;
  /** Metrics beyond those of the evaluation. */
  readonly extra: Readonly<Record<string, number>>;
}

/** One row before it has run. */
export interface RowEntry {
  /** Key in the run folder's state. */
  readonly id: string;
  readonly row: Omit<ResultRow, "metrics">;
  readonly params: Readonly<Record<string, string | number | boolean>>;
  /** Run and logged, but no row of the table nor of a report: it is only there to be combined. */
  readonly hidden?: boolean;
}

/** The row of a cell. */
export const cellEntry = (cell: Cell): RowEntry => ({
  id: cell.id,
  row: {
    cell: cell.id,
    label: cell.label,
    kind: cell.kind,
    loss: cell.loss.label,
    backbones: cell.backbones.map(({ label }) => label),
    ...(cell.seedless ? {} : { seed: cell.seed }),
  },
  params: paramsOf(cell),
  ...(cell.extraSeed ? { hidden: true } : {}),
});

function paramsOf(cell: Cell): RowEntry["params"] {
  const { seed, ...params } = cellParams(cell);
  return cell.seedless ? params : { ...params, seed: seed! };
}

/** Tag of a run that is a row: its id. */
export const CELL_TAG = "dualtail.cell";
/** The same for a run that is only there to be combined. */
export const EXTRA_SEED_TAG = "dualtail.extra_seed";

/** MLflow tags of a row's run; what reads rows back from MLflow asks for `dualtail.cell`. */
export const tagsOf = ({ id, row, hidden = false }: RowEntry): Record<string, string> => ({
  [hidden ? EXTRA_SEED_TAG : CELL_TAG]: id,
  "dualtail.kind": row.kind,
});

/** The row of a backbone as it comes. */
export const zeroShotEntry = ({ label }: CellBackbone): RowEntry => ({
  id: `zero-shot:${label}`,
  row: {
    cell: `zero-shot:${label}`,
    label: `zero-shot · ${label}`,
    kind: "zero-shot",
    loss: "zero-shot",
    backbones: [label],
  },
  params: { loss: "zero-shot", backbone: label, kind: "zero-shot" },
});

/** The backbones of a plan, each once. */
export function distinctBackbones(cells: readonly Cell[]): CellBackbone[] {
  return [
    ...new Map(
      cells.flatMap(({ backbones }) => backbones).map((backbone) => [backbone.label, backbone]),
    ).values(),
  ];
}

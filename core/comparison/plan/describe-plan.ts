import type { Cell, CellKind, Plan, SharedWork } from "./types.ts";
import { planWarnings } from "./warnings.ts";

const KIND_TEXT: Readonly<Record<CellKind, string>> = {
  single: "train",
  joint: "train jointly",
  "post-hoc": "combine",
};

/** A plan for people and for programs. */
export interface PlanDescription {
  /** For a terminal: what will be run, in order, and what is shared. */
  readonly text: string;
  /** The same as plain data: everything but the recipes' functions. */
  readonly json: PlanJson;
}

/** A plan as JSON. */
export interface PlanJson {
  /** A cell without a random part has no seed. */
  readonly cells: readonly (Omit<Cell, "recipe" | "seed"> & { readonly seed?: number })[];
  readonly shared: readonly SharedWork[];
  /** What is probably not meant as it is planned. */
  readonly warnings: readonly string[];
}

/** A plan for people and for programs. */
export function describePlan(plan: Plan): PlanDescription {
  return { text: planToText(plan), json: planToJson(plan) };
}

function planToText(plan: Plan): string {
  const { cells, shared } = plan;
  const position = new Map(cells.map(({ id }, index) => [id, index + 1]));
  const rows = cells.map((cell, index) => [
    String(index + 1),
    cell.id,
    cell.seedless ? "adjust" : KIND_TEXT[cell.kind],
    cell.loss.label,
    cell.backbones.map(({ label }) => label).join(" + "),
    cell.seedless ? "–" : String(cell.seed),
    notes(cell, position),
  ]);
  const trainings = cells.filter(({ kind }) => kind !== "post-hoc").length;
  const frozen = cells.filter((cell) => cell.seedless).length;
  const implied = cells.filter((cell) => cell.implied).length;
  const extra = cells.filter((cell) => cell.extraSeed).length;
  const counts = [
    `${count(cells.length, "cell")}: ${trainings} to train, ${cells.length - trainings - frozen} to combine from trained ones`,
    frozen ? `, ${frozen} from frozen models alone` : "",
    implied ? ` (${implied} implied by others` : "",
    extra ? `, ${extra} of them extra seeds, which are no rows of the table` : "",
    implied ? ")" : "",
  ].join("");
  return [
    ...alignColumns([["#", "id", "what", "loss", "backbones", "seed", "notes"], ...rows]),
    "",
    counts,
    "computed once and shared:",
    ...summarise(shared).map((line) => `  ${line}`),
    ...planWarnings(plan).map((text) => `warning: ${text}`),
  ].join("\n");
}

function notes(cell: Cell, position: ReadonlyMap<string, number>): string {
  const parts = [
    ...(cell.dependsOn.length
      ? [`from ${cell.dependsOn.map((id) => `#${position.get(id)}`).join(", ")}`]
      : []),
    ...(cell.needsPretrainPrior ? ["needs the pre-training prior"] : []),
    ...(cell.extraSeed ? ["extra seed"] : cell.implied ? ["implied"] : []),
  ];
  return parts.join("; ");
}

function summarise(shared: readonly SharedWork[]): string[] {
  const kinds = [...new Set(shared.map(({ what }) => what))];
  return kinds.map((kind) => {
    const works = shared.filter(({ what }) => what === kind);
    const users = new Set(works.flatMap(({ usedBy }) => usedBy)).size;
    const of = kind === "trained run" ? `${works.length} of them` : works.map((work) => work.of).join(", ");
    return `${kind} (${of}), used by ${count(users, "cell")}`;
  });
}

const count = (n: number, noun: string) => `${n} ${noun}${n === 1 ? "" : "s"}`;

/** Columns padded to equal width; numbers of the first column to the right. */
function alignColumns(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows.map((row) =>
    row
      .map((cell, column) => (column === 0 ? cell.padStart(widths[0]!) : cell.padEnd(widths[column]!)))
      .join("  ")
      .trimEnd(),
  );
}

function planToJson(plan: Plan): PlanJson {
  const { cells, shared } = plan;
  return {
    cells: cells.map(({ recipe: _recipe, seed, ...cell }) => (cell.seedless ? cell : { ...cell, seed })),
    shared,
    warnings: planWarnings(plan),
  };
}

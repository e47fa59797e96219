import type { ComparisonConfig, HeadInit } from "../config/types.ts";
import type { Cell, SharedWork } from "./types.ts";

/** Starts of a head that are made from the frozen features of all training images. */
const NEEDS_FEATURES: ReadonlySet<HeadInit> = new Set(["class-mean", "linear-probe"]);

/** Its strata are estimated on training images, as the frozen backbone sees them. */
const hasStrata = ({ recipe }: Cell): boolean => recipe.mode === "single" && recipe.strata !== undefined;

/** Work that is done once for several cells, in the order in which it is first needed. */
export function sharedWork(config: ComparisonConfig, cells: readonly Cell[]): SharedWork[] {
  const ids = (users: readonly Cell[]) => users.map(({ id }) => id);
  const labels = [...new Set(cells.flatMap(({ backbones }) => backbones.map(({ label }) => label)))];
  const perBackbone = (what: SharedWork["what"], uses: (cell: Cell) => boolean): SharedWork[] =>
    labels.map((of) => ({
      what,
      of,
      usedBy: ids(cells.filter((cell) => uses(cell) && cell.backbones.some(({ label }) => label === of))),
    }));
  const trained = cells.map((cell): SharedWork => {
    const users = cells.filter(({ dependsOn }) => dependsOn.includes(cell.id));
    return { what: "trained run", of: cell.label, usedBy: ids(users) };
  });
  return [
    { what: "images" as const, of: config.dataset.use, usedBy: ids(cells) },
    ...perBackbone("text features", () => true),
    ...perBackbone("zero-shot", () => true),
    ...perBackbone(
      "training features",
      (cell) => cell.kind !== "post-hoc" && (NEEDS_FEATURES.has(config.head.init) || hasStrata(cell)),
    ),
    ...perBackbone("pre-training prior", ({ needsPretrainPrior }) => needsPretrainPrior),
    ...trained,
  ].filter(({ usedBy }) => usedBy.length > 0);
}

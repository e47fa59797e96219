import type { LossRecipe } from "../../plugin-api/index.ts";

/** The loss of a cell, with its options. */
export interface CellLoss {
  readonly name: string;
  /** Unique within a plan: the user's label, or the name with the options that tell entries apart. */
  readonly label: string;
  readonly options: Readonly<Record<string, unknown>>;
}

/** A backbone of a cell, with its options. */
export interface CellBackbone {
  readonly name: string;
  readonly label: string;
  readonly options: Readonly<Record<string, unknown>>;
}

/** The `mode` of its recipe. */
export type CellKind = "single" | "joint" | "post-hoc";

/** One thing to run: one row of the result table. */
export interface Cell {
  /** 12 hex digits of a hash over everything that determines the result; the same cell has the same id in any plan. */
  readonly id: string;
  /** The same hash without the seed: cells that differ by seed only share it. */
  readonly group: string;
  /** Readable, fit for a file name, unique within a plan. */
  readonly key: string;
  /** For people: "la · clip · seed 0". */
  readonly label: string;
  readonly kind: CellKind;
  readonly loss: CellLoss;
  /** Same `mode` as `kind`. */
  readonly recipe: LossRecipe;
  /** One for kind "single", all for "joint", either for "post-hoc". */
  readonly backbones: readonly CellBackbone[];
  /** Means nothing for a cell without a random part, see `seedless`. */
  readonly seed: number;
  /** Only the frozen models are read: the same for every seed, so that it is planned once. */
  readonly seedless: boolean;
  /**
   * Ids of the cells whose trained weights this one combines, in the order of `backbones`, or of the seeds of one
   * backbone. Empty unless post-hoc.
   */
  readonly dependsOn: readonly string[];
  /** Whether the pre-training prior of the backbones has to be estimated first. */
  readonly needsPretrainPrior: boolean;
  /** Not listed by the user, but needed by a post-hoc cell. */
  readonly implied: boolean;
  /** A run with a seed of its own that is only there to be combined: no row of the result, so that no row has more seeds than others. */
  readonly extraSeed: boolean;
}

/** Work that is done once and used by several cells. */
export interface SharedWork {
  readonly what:
    | "images"
    | "text features"
    | "zero-shot"
    | "training features"
    | "pre-training prior"
    | "trained run";
  /** Whose: the dataset, the backbone, the cell. */
  readonly of: string;
  /** Ids of the cells that use it. */
  readonly usedBy: readonly string[];
}

/** What a comparison runs. */
export interface Plan {
  /** In an order in which they can be run: what a cell depends on comes before it. */
  readonly cells: readonly Cell[];
  readonly shared: readonly SharedWork[];
}

import type { DatasetSizes } from "../../plugin-api/index.ts";

/** Where a dataset's sizes come from: its files, or what its plugin says of the published one. */
export type SizesFrom = "files" | "published";

/** What a piece of work takes. */
export interface Cost {
  /** Images computed, those included that complete a batch. */
  readonly images: number;
  /** Floating-point operations of matrix products. */
  readonly operations: number;
  /** Absent where neither rate nor measurement is known. */
  readonly seconds?: number;
}

export interface CellCost {
  readonly id: string;
  readonly label: string;
  readonly training: Cost;
  /** Validation after every epoch, test, KNN bank. */
  readonly evaluation: Cost;
}

/** Done once per backbone. */
export interface SharedCost extends Cost {
  readonly what: "text features" | "zero-shot" | "training features";
  /** Label of the backbone. */
  readonly of: string;
}

export interface TimeEstimate {
  readonly cells: readonly CellCost[];
  readonly shared: readonly SharedCost[];
  readonly training: Cost;
  readonly evaluation: Cost;
  readonly total: Cost;
  /** What seconds are made from; absent: there are none. */
  readonly speed?: Speed;
}

export type Speed =
  | {
      readonly from: "given" | "matrix products";
      /** Floating-point operations per second of matrix products. */
      readonly rate: number;
    }
  | {
      /** Training and evaluation were timed on this machine, one step and one batch of each kind. */
      readonly from: "steps";
    };

/** A part of a total in bytes. */
export interface Part {
  readonly what: string;
  readonly bytes: number;
}

export interface MemoryEstimate {
  /** Of the process, or beside the device's own. */
  readonly host: readonly Part[];
  /** Of the device; empty where that is the processor. */
  readonly device: readonly Part[];
  /** The cell that takes most. */
  readonly cell: string;
}

export interface DiskEstimate {
  readonly runFolder: readonly Part[];
  /** What is logged to MLflow, or kept for it. */
  readonly tracking: readonly Part[];
  /** Checkpoints that are not on this machine. */
  readonly downloads: readonly Part[];
}

/** What a comparison is expected to take. */
export interface Estimate {
  readonly sizes: DatasetSizes & { readonly from: SizesFrom };
  /** Images per pass of the micro-batches that training is split into, by cell id. */
  readonly microBatch: Readonly<Record<string, number>>;
  readonly time: TimeEstimate;
  readonly memory: MemoryEstimate;
  readonly disk: DiskEstimate;
  /** What is approximated or left out, a sentence each. */
  readonly assumes: readonly string[];
}

/** An estimate, or what is missing for one. */
export type EstimateResult =
  | { readonly ok: true; readonly estimate: Estimate; readonly notes: readonly string[] }
  | { readonly ok: false; readonly notes: readonly string[] };

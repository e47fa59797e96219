import type { Reporter } from "../../container/reporter.ts";
import { DualtailError } from "../../errors.ts";
import type { Dataset, Split } from "../../plugin-api/index.ts";
import type { CompileOptions } from "../../runtime/index.ts";
import type { ComparisonConfig } from "../config/index.ts";
import type { ExecuteOptions } from "../execution-types.ts";

/** What every part of an execution shares. */
export interface ExecutionContext {
  readonly config: ComparisonConfig;
  readonly registry: ExecuteOptions["registry"];
  readonly baseDir: string;
  /** What may be computed again at any time. */
  readonly cacheDir: string;
  readonly reporter: Reporter;
  readonly signal: AbortSignal;
  readonly dataset: Dataset;
  /** [K] training images per class, each at least 1. */
  readonly trainCounts: Int32Array;
  /** [K] π_S(y) = n_y / N */
  readonly classPrior: Float32Array;
  readonly compile: CompileOptions;
}

export type SplitName = "train" | "validation" | "test";

/** A split by name. @throws DualtailError when the data set has none of that name */
export function splitOf({ dataset }: ExecutionContext, name: SplitName): Split {
  const split = dataset[name];
  if (split === undefined) throw new DualtailError(`dataset ${dataset.name} has no ${name} split`);
  return split;
}

/** Images per class. */
export function countLabels({ labels }: Split, classes: number): Int32Array {
  const counts = new Int32Array(classes);
  for (const label of labels) counts[label]!++;
  return counts;
}

/** Training counts per class. @throws DualtailError naming the classes that have no training image */
export function trainingCounts(dataset: Dataset): Int32Array {
  const counts = countLabels(dataset.train, dataset.classNames.length);
  const empty = dataset.classNames.filter((_, k) => counts[k] === 0);
  if (empty.length > 0) {
    const names = empty.slice(0, 5).map((name) => `"${name}"`);
    const listed = [...names, ...(empty.length > names.length ? ["…"] : [])].join(", ");
    throw new DualtailError(
      `dataset ${dataset.name}: ${empty.length === 1 ? `the class ${listed} has` : `${empty.length} classes have`} no training image${empty.length === 1 ? "" : `: ${listed}`}`,
      { hint: "add at least one image per class, or leave the class out" },
    );
  }
  return counts;
}

export const isBalanced = (counts: Int32Array): boolean => counts.every((count) => count === counts[0]);

/** Stops the work between two pieces of it once the user has asked to. */
export class Interrupted extends DualtailError {
  constructor(message = "stopped by the user", runFolder?: string) {
    super(
      message,
      runFolder === undefined ? {} : { hint: `go on with: --resume ${runFolder} (or with the same command)` },
    );
  }
}

export function throwIfAborted(signal: AbortSignal): void {
  if (signal.aborted) throw new Interrupted();
}

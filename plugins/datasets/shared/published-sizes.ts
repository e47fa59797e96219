import type { DatasetSizes } from "../../../core/plugin-api/index.ts";
import type { BenchmarkFacts, ListBenchmarkOptions } from "./lists/list-benchmark.ts";

/** Sizes of a published benchmark, unless the options name lists of the user's own. */
export const publishedSizes =
  ({ classes, trainImages, testImages }: BenchmarkFacts, validation?: number) =>
  (own: ListBenchmarkOptions): DatasetSizes | undefined =>
    own.train === undefined && own.validation === undefined && own.test === undefined
      ? {
          classes,
          train: trainImages,
          ...(validation === undefined ? {} : { validation }),
          test: testImages,
        }
      : undefined;

import type { DatasetPlugin } from "../../../core/plugin-api/index.ts";
import { readFolderNames } from "../shared/lists/folder-names.ts";
import { defineListBenchmark, type ListBenchmarkOptions } from "../shared/lists/list-benchmark.ts";
import { publishedSizes } from "../shared/published-sizes.ts";
import { reported } from "./reported.ts";

const facts = { classes: 365, trainImages: 62_500, most: 4980, least: 5, testImages: 36_500 };
/** Images of the validation list. */
const VALIDATION = 7_300;

/** Places-LT (Liu et al., 2019, "Large-Scale Long-Tailed Recognition in an Open World"). */
export const plugin: DatasetPlugin<ListBenchmarkOptions> = {
  ...defineListBenchmark({
    name: "places-lt",
    summary: "Places-LT: 365 scenes, 4,980 to 5 training images, from the lists of OLTR and LIFT",
    folder: "Places_LT",
    files: {
      train: "Places_LT_train.txt",
      validation: "Places_LT_val.txt",
      test: "Places_LT_test.txt",
      classNames: "classnames.txt",
    },
    facts,
    // LIFT's own files disagree on five classes (desert-*, desert_road, field-wild, field_road): the warning is meant for them.
    // Names keep their underscores, which prompts turn into spaces, and their hyphens: apartment_building-outdoor.
    readClasses: (file) => readFolderNames(file, /^\S+$/, "airplane_cabin airplane_cabin"),
  }),
  expected: publishedSizes(facts, VALIDATION),
  reported,
};

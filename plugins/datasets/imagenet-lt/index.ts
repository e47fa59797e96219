import type { DatasetPlugin } from "../../../core/plugin-api/index.ts";
import { readFolderNames } from "../shared/lists/folder-names.ts";
import { defineListBenchmark, type ListBenchmarkOptions } from "../shared/lists/list-benchmark.ts";
import { publishedSizes } from "../shared/published-sizes.ts";
import { reported } from "./reported.ts";

const facts = { classes: 1000, trainImages: 115_846, most: 1280, least: 5, testImages: 50_000 };
/** Images of the validation list. */
const VALIDATION = 20_000;

/** ImageNet-LT (Liu et al., 2019, "Large-Scale Long-Tailed Recognition in an Open World"). */
export const plugin: DatasetPlugin<ListBenchmarkOptions> = {
  ...defineListBenchmark({
    name: "imagenet-lt",
    summary: "ImageNet-LT: 1,000 classes, 1,280 to 5 training images, from the lists of OLTR and LIFT",
    folder: "ImageNet_LT",
    files: {
      train: "ImageNet_LT_train.txt",
      validation: "ImageNet_LT_val.txt",
      test: "ImageNet_LT_test.txt",
      classNames: "classnames.txt",
    },
    facts,
    readClasses: (file) => readFolderNames(file, /^n\d{8}$/, "n01440764 tench"),
  }),
  expected: publishedSizes(facts, VALIDATION),
  reported,
};

import type { DatasetPlugin } from "../../../core/plugin-api/index.ts";
import { defineListBenchmark, type ListBenchmarkOptions } from "../shared/lists/list-benchmark.ts";
import { publishedSizes } from "../shared/published-sizes.ts";
import { LEVELS, type Level, readCategories } from "./categories.ts";
import { reported } from "./reported.ts";

export interface INat2018Options extends ListBenchmarkOptions {
  readonly level: Level;
}

const facts = { classes: 8142, trainImages: 437_513, most: 1000, least: 2, testImages: 24_426 };

/** iNaturalist 2018 (Van Horn et al., 2018); the validation list, three images per species, is the test split. */
export const plugin: DatasetPlugin<INat2018Options> = {
  ...defineListBenchmark<INat2018Options>({
    name: "inat2018",
    summary: "iNaturalist 2018: 8,142 species, 1,000 to 2 training images, from the lists of OLTR and LIFT",
    folder: "iNaturalist18",
    files: {
      train: "iNaturalist18_train.txt",
      test: "iNaturalist18_val.txt",
      classNames: "categories.json",
    },
    facts,
    options: {
      level: {
        enum: Object.keys(LEVELS),
        default: "species",
        description: "Level of the taxonomy that the classes are taken from",
      },
    },
    variant: ({ level = "species" }) => (level === "species" ? undefined : level),
    readClasses: (file, { level = "species" }) => readCategories(file, level),
  }),
  // Levels above the species have as many images, but fewer classes.
  expected: ({ level = "species", ...lists }) =>
    level === "species" ? publishedSizes(facts)(lists) : undefined,
  reported,
};

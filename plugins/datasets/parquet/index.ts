import { defineDataset } from "../../../core/plugin-api/index.ts";
import { SHAPE_OPTIONS, type ShapeOptions } from "../shared/shape-train.ts";
import type { SplitName } from "../shared/split-names.ts";

export interface ParquetOptions extends ShapeOptions {
  readonly root: string;
  readonly imageColumn?: string;
  readonly labelColumn?: string;
  readonly classNames?: string;
  readonly train?: string;
  readonly validation?: string;
  readonly test?: string;
}

const text = (description: string) => ({ type: "string", minLength: 1, description });
const splitName = (split: SplitName) =>
  text(`What the data set calls its ${split} split; default: as usual on the hub`);

/** Image datasets as the Hugging Face hub keeps them: parquet files per split. */
export const plugin = defineDataset<ParquetOptions>({
  name: "parquet",
  summary: "Parquet files per split with images and labels, as the Hugging Face hub keeps them",
  options: {
    type: "object",
    properties: {
      root: text("Folder with the parquet files, e.g. data/train-00000-of-00002.parquet in it"),
      imageColumn: text("Column of the images; default: the one declared as Image, or image or img"),
      labelColumn: text("Column of the labels; default: the one declared as ClassLabel, or label"),
      classNames: text(
        "File with the name of class 0 on its first line, and so on; default: the names that the data set states",
      ),
      train: splitName("train"),
      validation: splitName("validation"),
      test: splitName("test"),
      ...SHAPE_OPTIONS,
    },
    required: ["root"],
    additionalProperties: false,
  },
  // Its libraries are loaded with the first file: `--help` does not wait for them.
  load: async (context, options) => (await import("./load.ts")).loadParquet(context, options),
});

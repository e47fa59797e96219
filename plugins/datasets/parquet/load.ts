import path from "node:path";
import {
  type Dataset,
  type DatasetContext,
  DualtailError,
  FileError,
  type ImageSource,
  type Split,
} from "../../../core/plugin-api/index.ts";
import { digestOf } from "../shared/digest.ts";
import { shapeTrain } from "../shared/shape-train.ts";
import { SPLITS, type SplitName } from "../shared/split-names.ts";
import { readLines } from "../shared/text-lines.ts";
import { imagePath, labelColumn } from "./columns.ts";
import { findSplitFiles } from "./files.ts";
import { createImageReader, createQueue } from "./image-cache.ts";
import type { ParquetOptions } from "./index.ts";
import { statedNames } from "./label-names.ts";
import { distinctNames, type RawLabels, readLabels, toLabels } from "./labels.ts";
import { openTable, type Table } from "./table.ts";

/** One image: row of a file. */
interface Row {
  readonly file: number;
  readonly row: number;
}

/** Reads footers and labels; images are read when they are asked for. */
export async function loadParquet(
  { baseDir, cacheDir, seed, progress }: DatasetContext,
  options: ParquetOptions,
): Promise<Dataset> {
  const root = path.resolve(baseDir, options.root);
  const files = await findSplitFiles(root, options);
  if (files.train === undefined) {
    throw new DualtailError(`${root}: there is no parquet file of a training split`, {
      hint: "set train to the name of the split to train on",
    });
  }
  if ((files.test === undefined) === (options.testPerClass === undefined)) {
    throw new DualtailError(
      files.test
        ? `${root}: testPerClass is set, but there is a test split`
        : `${root}: there is no test split`,
      {
        hint: "set either test to the name of a split, or testPerClass to draw one from the training split",
      },
    );
  }
  const order = SPLITS.flatMap((split) => (files[split] ?? []).map((file) => ({ split, file })));
  const advance = progress("reading labels", order.length);
  const tables: Table[] = [];
  const raw: RawLabels[] = [];
  let columns: { readonly image: readonly string[]; readonly label: string } | undefined;
  for (const { file } of order) {
    const table = await openTable(file);
    columns ??= {
      image: imagePath(table, options.imageColumn),
      label: labelColumn(table, options.labelColumn),
    };
    tables.push(table);
    imagePath(table, columns.image[0]);
    raw.push(await readLabels(table, labelColumn(table, columns.label)));
    advance(raw.length);
  }
  const { image, label } = columns!;
  const { classes, classNames } = await namesOf(raw, label, root, baseDir, options.classNames);

  const queue = createQueue();
  const readers = tables.map((table) => createImageReader(table, image, cacheDir, queue));
  const rowsOf = (split: SplitName): Row[][] => {
    const perClass: Row[][] = classes.map(() => []);
    for (const [file, { split: own }] of order.entries()) {
      if (own !== split) continue;
      for (const [row, k] of toLabels(raw[file]!, classes).entries()) perClass[k]!.push({ file, row });
    }
    return perClass;
  };
  const digested: (string | Uint8Array)[] = [JSON.stringify([classNames, image, label])];
  const toSplit = (perClass: readonly (readonly Row[])[]): Split => {
    const images = perClass.flat();
    digested.push(images.map(({ file, row }) => `${tables[file]!.digest.slice(0, 16)}/${row}`).join("\n"));
    return {
      images: images.map(
        ({ file, row }): ImageSource => ({
          kind: "encoded",
          name: `${tables[file]!.file}, row ${row}`,
          bytes: () => readers[file]!(row),
        }),
      ),
      labels: Int32Array.from(perClass.flatMap((rows, k) => rows.map(() => k))),
    };
  };
  const shaped = shapeTrain(rowsOf("train"), options, { seed, classNames });
  const train = toSplit(shaped.train);
  const validation = files.validation && toSplit(rowsOf("validation"));
  const test = toSplit(shaped.test ?? rowsOf("test"));
  const { imbalanceRatio } = options;
  return {
    name: imbalanceRatio ? `${path.basename(root)}-ir${imbalanceRatio}` : path.basename(root),
    classNames,
    train,
    ...(validation && { validation }),
    test,
    digest: digestOf(digested),
    source: root,
  };
}

/** What the labels mean: `classes` are the values of a column of names, `classNames` what goes into prompts. */
async function namesOf(
  raw: readonly RawLabels[],
  column: string,
  root: string,
  baseDir: string,
  file: string | undefined,
): Promise<{ readonly classes: readonly string[]; readonly classNames: readonly string[] }> {
  const [{ kind }] = raw as readonly [RawLabels];
  const other = raw.find((labels) => labels.kind !== kind);
  if (other)
    throw new FileError(other.table.file, `its labels are ${other.kind}, those of the first file ${kind}`);
  const given =
    file && (await readLines(path.resolve(baseDir, file), "class name file")).map((line) => line.text);
  if (kind === "names") {
    const classes = distinctNames(raw);
    if (given && given.length !== classes.length) {
      throw new FileError(
        path.resolve(baseDir, file),
        `${given.length} names for ${classes.length} classes`,
        {
          hint: "one name per class, in alphabetical order of the labels",
        },
      );
    }
    return { classes, classNames: given || classes };
  }
  const names =
    given ||
    (await statedNames(
      raw.map(({ table }) => table),
      column,
      root,
    ));
  if (names === undefined) {
    throw new DualtailError(`${root}: nothing names the numbers in the column "${column}"`, {
      hint: "set classNames to a file with the name of class 0 on its first line, and so on",
    });
  }
  return { classes: names, classNames: names };
}

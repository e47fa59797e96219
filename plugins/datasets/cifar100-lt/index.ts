import path from "node:path";
import { type Dataset, defineDataset, FileError, type Split } from "../../../core/plugin-api/index.ts";
import { digestOf } from "../shared/digest.ts";
import { locateArchive, readFineLabels, readFineNames, readPixels, SIDE } from "./archive.ts";
import { publishedCounts, selectRecords } from "./select.ts";

export interface Cifar100Options {
  readonly root: string;
  readonly imbalanceRatio: number;
}

const CLASSES = 100;
/** Images per class in the archive's training and test file. */
const PER_CLASS = { train: 500, test: 100 } as const;
/** The split whose counts make the D-groups at every imbalance ratio. */
const GROUP_RATIO = 100;

/** CIFAR-100-LT (Cao et al., 2019) with the records that LDAM, LIFT and others train on. */
export const plugin = defineDataset<Cifar100Options>({
  name: "cifar100-lt",
  summary: "CIFAR-100-LT from the binary archive, with the published choice of images (seed 0)",
  options: {
    type: "object",
    properties: {
      root: {
        type: "string",
        minLength: 1,
        description: "Folder that cifar-100-binary.tar.gz was unpacked in, or its folder cifar-100-binary",
      },
      imbalanceRatio: {
        type: "number",
        minimum: 1,
        maximum: 500,
        default: 100,
        description:
          "Training images of the most frequent class over those of the rarest; 10, 50 and 100 are published, 1 keeps all",
      },
    },
    required: ["root"],
    additionalProperties: false,
  },
  expected: ({ imbalanceRatio = 100 }) => ({
    classes: CLASSES,
    train: publishedCounts(CLASSES, PER_CLASS.train, imbalanceRatio).reduce((sum, count) => sum + count, 0),
    test: CLASSES * PER_CLASS.test,
    pixelBytes: SIDE * SIDE * 3,
  }),
  async load({ baseDir }, { root, imbalanceRatio = 100 }): Promise<Dataset> {
    const files = locateArchive(path.resolve(baseDir, root));
    const classNames = await readFineNames(files.names, CLASSES);
    const labels = await readFineLabels(files.train, CLASSES);
    const first = labels.length / CLASSES;
    const counts = imbalanceRatio > 1 ? publishedCounts(CLASSES, first, imbalanceRatio) : undefined;
    const train = await read(files.train, labels, select(files.train, labels, counts), "train");
    const testLabels = await readFineLabels(files.test, CLASSES);
    const test = await read(files.test, testLabels, selectRecords(testLabels, undefined), "test");
    return {
      name: imbalanceRatio > 1 ? `cifar100-lt-ir${imbalanceRatio}` : "cifar100",
      classNames,
      train: train.split,
      test: test.split,
      groupCounts: publishedCounts(CLASSES, first, GROUP_RATIO),
      digest: digestOf([JSON.stringify(classNames), ...train.digested, ...test.digested]),
      source: path.dirname(files.train),
    };
  },
});

function select(file: string, labels: Uint8Array, counts: readonly number[] | undefined): Int32Array {
  try {
    return selectRecords(labels, counts);
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    throw new FileError(file, cause.message, { hint: "the archive is not complete; unpack it again", cause });
  }
}

async function read(
  file: string,
  labels: Uint8Array,
  records: Int32Array,
  name: string,
): Promise<{ split: Split; digested: readonly Uint8Array[] }> {
  const pixels = await readPixels(file, records);
  const chosen = Int32Array.from(records, (record) => labels[record]!);
  return {
    split: {
      images: pixels.map((data, i) => ({
        kind: "pixels",
        name: `${name} ${records[i]}`,
        data,
        width: SIDE,
        height: SIDE,
        channels: 3,
      })),
      labels: chosen,
    },
    digested: [new Uint8Array(chosen.buffer), ...pixels],
  };
}

import { type Dataset, DualtailError, defineDataset, type Split } from "../../../core/plugin-api/index.ts";
import { digestOf } from "../shared/digest.ts";
import { type PoolItem, readDownstreamPool } from "./pool.ts";
import { MAX_PER_CLASS, splitPool } from "./split.ts";
import { classNames } from "./vocabulary.ts";

export interface IconsLtOptions {
  readonly imbalanceRatio?: number;
  readonly orderRatio?: number;
  readonly classes?: number;
  readonly maxPerClass?: number;
  readonly imageSize?: number;
  readonly seed?: number;
}

/**
 * Long-tailed classification of interface icons: 120 concepts drawn by dozens of designers, no designer in two splits.
 * The pictures come from the @iconify-json packages named in sets.json.
 */
export const plugin = defineDataset<IconsLtOptions>({
  name: "icons-lt",
  summary: "Interface icons of 120 concepts by designer: long-tailed training, balanced validation and test",
  options: {
    type: "object",
    properties: {
      imbalanceRatio: {
        type: "number",
        minimum: 1,
        default: 100,
        description: "Images of the most frequent class over those of the rarest",
      },
      orderRatio: {
        type: "number",
        minimum: 1,
        description:
          "Classes keep the order and the D-groups that they have at this imbalance ratio, so that several ratios can be compared class by class; absent: every ratio draws an order of its own",
      },
      classes: {
        type: "integer",
        minimum: 2,
        maximum: classNames.length,
        default: classNames.length,
        description: "Number of classes; fewer take a fixed subset",
      },
      maxPerClass: {
        type: "integer",
        minimum: 1,
        default: MAX_PER_CLASS,
        description: "Training images of the most frequent class, less where there are not as many icons",
      },
      imageSize: {
        type: "integer",
        minimum: 16,
        maximum: 256,
        default: 32,
        description: "Width and height in pixels",
      },
      seed: {
        type: "integer",
        default: 0,
        description: "Draws the order of the classes in the long tail and the training and validation images",
      },
    },
    additionalProperties: false,
  },
  async load(context, options) {
    const { imbalanceRatio = 100, classes = classNames.length, maxPerClass = MAX_PER_CLASS } = options;
    const { imageSize = 32, seed = 0, orderRatio } = options;
    const pool = await readDownstreamPool(context, imageSize);
    const chosen = classNames.slice(0, classes);
    const split = { classNames: chosen, imbalanceRatio, maxPerClass, seed };
    const drawn = splitPool(pool, { ...split, ...(orderRatio === undefined ? {} : { orderRatio }) });
    const reference =
      orderRatio === undefined
        ? undefined
        : splitPool(pool, { ...split, imbalanceRatio: orderRatio, maxPerClass: MAX_PER_CLASS });
    for (const [label, name] of chosen.entries()) {
      if (drawn.train[label]!.length === 0) {
        throw new DualtailError(`icons-lt: the class "${name}" has no training image`, {
          hint: "install the versions of the icon packages that sets.json names",
        });
      }
    }
    const splits = {
      train: toSplit(drawn.train),
      validation: toSplit(drawn.validation),
      test: toSplit(drawn.test),
    };
    const dataset = (items: readonly Split[]) =>
      items.flatMap(({ images, labels }) => [
        JSON.stringify([...labels]),
        ...images.map((image) =>
          image.kind === "pixels" ? image.data : image.kind === "file" ? image.path : image.name,
        ),
      ]);
    return {
      name: `icons-lt-ir${imbalanceRatio}`,
      classNames: chosen,
      ...splits,
      ...(reference ? { groupCounts: reference.train.map(({ length }) => length) } : {}),
      digest: digestOf([JSON.stringify(chosen), ...dataset([splits.train, splits.validation, splits.test])]),
      source: "https://www.npmjs.com/org/iconify-json",
    } satisfies Dataset;

    function toSplit(perClass: readonly (readonly PoolItem[])[]): Split {
      return {
        images: perClass.flat().map(({ id, pixels }) => ({
          kind: "pixels",
          name: `icons-lt ${id}`,
          data: pixels,
          width: imageSize,
          height: imageSize,
          channels: 1,
        })),
        labels: Int32Array.from(perClass.flatMap((items, label) => items.map(() => label))),
      };
    }
  },
});

import type { ClipCheckpoint, Preprocessor } from "../../models/checkpoint/folder.ts";
import { CROPS, cropsTransform } from "../../models/images/crops-transform.ts";
import {
  createImageStore,
  type ImageStore,
  sharedWorkers,
  testTransform,
  trainTransform,
} from "../../models/images/index.ts";
import type { TestTransformOptions } from "../../models/images/test-transform.ts";
import type { LoadPixels } from "../../training/finetune.ts";
import { type ExecutionContext, type SplitName, splitOf } from "./context.ts";

/** Decoded images, shared by all backbones that take the same number of channels. */
export interface ImageStores {
  /** Pixels of a split as a checkpoint's tower takes them. */
  loader(split: SplitName, checkpoint: ClipCheckpoint): LoadPixels;
  /** What the loader writes per image: 1, or the crops of the test-time ensemble, which the test split alone has. */
  views(split: SplitName): number;
}

export function createImageStores(context: ExecutionContext): ImageStores {
  const { config } = context;
  const workers = sharedWorkers(config.images?.workers);
  const stores = new Map<string, ImageStore>();
  const storeOf = (split: SplitName, channels: Preprocessor["channels"]): ImageStore => {
    const key = `${split}/${channels}`;
    const store = stores.get(key) ?? createImageStore(splitOf(context, split).images, channels, { workers });
    stores.set(key, store);
    return store;
  };
  const cropsOf = (split: SplitName) => (split === "test" ? config.evaluation.tte : "none");
  return {
    views: (split) => {
      const crops = cropsOf(split);
      return crops === "none" ? 1 : CROPS[crops];
    },
    loader(split, { preprocessor }) {
      const store = () => storeOf(split, preprocessor.channels);
      const crops = cropsOf(split);
      const plain =
        crops === "none"
          ? testTransform(preprocessor, resizing(config.evaluation.preprocessing, preprocessor))
          : cropsTransform(preprocessor, { crops, expand: config.evaluation.expand });
      const { crop, scale, ratio, flip } = config.train.augment;
      const augmented =
        crop === "center" ? plain : trainTransform(preprocessor, { scale, ratio, flip: flip ? 0.5 : 0 });
      return (indices, out, uniform) => store().fillBatch(indices, uniform ? augmented : plain, out, uniform);
    },
  };
}

/** LIFT: torchvision's Resize(8/7 of the input), bilinear, and CenterCrop. */
const resizing = (
  kind: ExecutionContext["config"]["evaluation"]["preprocessing"],
  { imageSize }: Preprocessor,
): TestTransformOptions =>
  kind === "checkpoint"
    ? {}
    : { shortestEdge: Math.floor((imageSize * 8) / 7), filter: "bilinear", centring: "torchvision" };

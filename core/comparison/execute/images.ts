import type { ClipCheckpoint, Preprocessor } from "../../models/checkpoint/folder.ts";
import {
  createImageStore,
  type ImageStore,
  testTransform,
  trainTransform,
} from "../../models/images/index.ts";
import type { LoadPixels } from "../../training/finetune.ts";
import { type ExecutionContext, type SplitName, splitOf } from "./context.ts";

/** Decoded images, shared by all backbones that take the same number of channels. */
export interface ImageStores {
  /** Pixels of a split as a checkpoint's tower takes them. */
  loader(split: SplitName, checkpoint: ClipCheckpoint): LoadPixels;
}

export function createImageStores(context: ExecutionContext): ImageStores {
  const stores = new Map<string, ImageStore>();
  const storeOf = (split: SplitName, channels: Preprocessor["channels"]): ImageStore => {
    const key = `${split}/${channels}`;
    const store = stores.get(key) ?? createImageStore(splitOf(context, split).images, channels);
    stores.set(key, store);
    return store;
  };
  return {
    loader(split, { preprocessor }) {
      const store = () => storeOf(split, preprocessor.channels);
      const plain = testTransform(preprocessor);
      const { crop, scale, ratio, flip } = context.config.train.augment;
      const augmented =
        crop === "center" ? plain : trainTransform(preprocessor, { scale, ratio, flip: flip ? 0.5 : 0 });
      return (indices, out, uniform) => store().fillBatch(indices, uniform ? augmented : plain, out, uniform);
    },
  };
}

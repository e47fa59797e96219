import { DualtailError } from "../../errors.ts";
import type { ImageSource } from "../../plugin-api/dataset.ts";
import { decodeImage } from "./decode.ts";
import type { DecodedImage } from "./decoded-image.ts";
import type { Transform, Uniform } from "./transform.ts";

export interface ImageStoreOptions {
  /** Most bytes of decoded pixels that are kept; default 1 GiB. What does not fit is decoded again when asked for. */
  readonly maxBytes?: number;
}

/** The images of a split, decoded when first asked for and kept as long as they fit. */
export interface ImageStore {
  readonly size: number;
  /** Bytes of decoded pixels kept. */
  readonly keptBytes: number;
  /** @throws FileError naming an image that does not decode */
  get(index: number): Promise<DecodedImage>;
  /**
   * Writes the transformed images one after another into `out` [indices × C × H × W]. Files are decoded side by side;
   * random numbers are drawn in the order of `indices`. A transform that is not random needs no `uniform`.
   * @throws FileError naming an image that does not decode; DualtailError when `out` does not divide into the indices
   */
  fillBatch(
    indices: ArrayLike<number>,
    transform: Transform,
    out: Float32Array,
    uniform?: Uniform,
  ): Promise<void>;
}

const GIBIBYTE = 2 ** 30;

/** Opens a set of images with the number of channels that the tower takes. Nothing is read yet. */
export function createImageStore(
  sources: readonly ImageSource[],
  channels: 1 | 3,
  { maxBytes = GIBIBYTE }: ImageStoreOptions = {},
): ImageStore {
  const kept = new Map<number, DecodedImage>();
  const underway = new Map<number, Promise<DecodedImage>>();
  let bytes = 0;

  const decode = async (index: number): Promise<DecodedImage> => {
    const source = sources[index];
    if (source === undefined) throw new DualtailError(`there is no image ${index}, only ${sources.length}`);
    try {
      const image = await decodeImage(source, channels);
      // Pixels that the source holds anyway cost nothing more.
      const own = source.kind === "pixels" && image.data === source.data ? 0 : image.data.length;
      // First come, first kept: epochs visit every image once, and throwing out the oldest would keep none for long.
      if (bytes + own <= maxBytes) {
        kept.set(index, image);
        bytes += own;
      }
      return image;
    } finally {
      underway.delete(index);
    }
  };

  const get = (index: number): Promise<DecodedImage> => {
    const running = underway.get(index);
    if (running) return running;
    const started = decode(index);
    underway.set(index, started);
    return started;
  };

  return {
    size: sources.length,
    get keptBytes() {
      return bytes;
    },
    get: async (index) => kept.get(index) ?? get(index),
    async fillBatch(indices, transform, out, uniform = noRandomness) {
      const length = out.length / indices.length;
      if (!Number.isInteger(length)) {
        throw new DualtailError(`${out.length} numbers do not divide into ${indices.length} images`);
      }
      const images = Array.from(indices, (index) => kept.get(index) ?? get(index));
      // Wait for all of them before failing, so that nothing goes on decoding behind the caller's back.
      const missing = images.filter((image) => image instanceof Promise);
      const failed = (await Promise.allSettled(missing)).find((result) => result.status === "rejected");
      if (failed) throw failed.reason;
      for (const [i, image] of images.entries()) {
        transform(await image, out.subarray(i * length, (i + 1) * length), uniform);
      }
    },
  };
}

const noRandomness: Uniform = () => {
  throw new DualtailError("this transform is random and needs a source of random numbers");
};

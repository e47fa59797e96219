import { DualtailError } from "../../errors.ts";
import type { ImageSource } from "../../plugin-api/dataset.ts";
import { decodeImage } from "./decode.ts";
import type { DecodedImage } from "./decoded-image.ts";
import { fillWithWorkers } from "./fill-with-workers.ts";
import type { Size, Transform, Uniform } from "./transform.ts";
import { type ImageWorkers, sharedWorkers } from "./workers.ts";

export interface ImageStoreOptions {
  /** Most bytes of decoded pixels that are kept; default 1 GiB. What does not fit is decoded again when asked for. */
  readonly maxBytes?: number;
  /** Threads for what costs time; default: those that all stores share. null: everything on the calling thread. */
  readonly workers?: ImageWorkers | null;
}

/** The images of a split, decoded when first asked for and kept as long as they fit. */
export interface ImageStore {
  readonly size: number;
  /** Bytes of decoded pixels kept. */
  readonly keptBytes: number;
  /** @throws FileError naming an image that does not decode */
  get(index: number): Promise<DecodedImage>;
  /**
   * Writes the transformed images one after another into `out` [indices × C × H × W], off this thread where that pays.
   * Random numbers are drawn in the order of `indices`, so that the result does not depend on workers or timing. A
   * transform that is not random needs no `uniform`. Several batches may be under way at once: call it for the next one
   * before the current one is used up.
   * @throws FileError naming an image that does not decode; DualtailError when `out` does not divide into the indices
   */
  fillBatch(
    indices: ArrayLike<number>,
    transform: Transform,
    out: Float32Array,
    uniform?: Uniform,
  ): Promise<void>;
}

/** What filling a batch needs to know of a store. */
export interface StoreMemory {
  readonly sources: readonly ImageSource[];
  readonly channels: 1 | 3;
  readonly kept: Map<number, DecodedImage>;
  /** Sizes of images that were opened once. */
  readonly sizes: Map<number, Size>;
  /** Takes `bytes` of what may be kept; false when they do not fit. */
  reserve(bytes: number): boolean;
  release(bytes: number): void;
}

const GIBIBYTE = 2 ** 30;

/** Opens a set of images with the number of channels that the tower takes. Nothing is read yet. */
export function createImageStore(
  sources: readonly ImageSource[],
  channels: 1 | 3,
  { maxBytes = GIBIBYTE, workers }: ImageStoreOptions = {},
): ImageStore {
  const underway = new Map<number, Promise<DecodedImage>>();
  let bytes = 0;
  const memory: StoreMemory = {
    sources,
    channels,
    kept: new Map(),
    sizes: new Map(),
    // First come, first kept: epochs visit every image once, and throwing out the oldest would keep none for long.
    reserve(more) {
      if (bytes + more > maxBytes) return false;
      bytes += more;
      return true;
    },
    release(less) {
      bytes -= less;
    },
  };
  const { kept } = memory;

  const decode = async (index: number): Promise<DecodedImage> => {
    const source = sources[index];
    if (source === undefined) throw new DualtailError(`there is no image ${index}, only ${sources.length}`);
    try {
      const image = await decodeImage(source, channels);
      // Pixels that the source holds anyway cost nothing more.
      const own = source.kind === "pixels" && image.data === source.data ? 0 : image.data.length;
      if (!kept.has(index) && memory.reserve(own)) kept.set(index, image);
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

  const fillHere = async (
    indices: ArrayLike<number>,
    transform: Transform,
    out: Float32Array,
    uniform: Uniform,
  ): Promise<void> => {
    const length = out.length / indices.length;
    const images = Array.from(indices, (index) => kept.get(index) ?? get(index));
    // Wait for all of them before failing, so that nothing goes on decoding behind the caller's back.
    const missing = images.filter((image) => image instanceof Promise);
    const failed = (await Promise.allSettled(missing)).find((result) => result.status === "rejected");
    if (failed) throw failed.reason;
    for (const [i, image] of images.entries()) {
      transform(await image, out.subarray(i * length, (i + 1) * length), uniform);
    }
  };

  return {
    size: sources.length,
    get keptBytes() {
      return bytes;
    },
    get: async (index) => kept.get(index) ?? get(index),
    async fillBatch(indices, transform, out, uniform = noRandomness) {
      if (indices.length === 0) return;
      if (!Number.isInteger(out.length / indices.length)) {
        throw new DualtailError(`${out.length} numbers do not divide into ${indices.length} images`);
      }
      const { plan } = transform;
      if (workers === null || !plan || !paysOff(memory, indices, out.length / indices.length)) {
        return fillHere(indices, transform, out, uniform);
      }
      return fillWithWorkers(memory, workers ?? sharedWorkers(), indices, plan, out, uniform);
    },
  };
}

/** Below this many numbers per image, resampling takes less time than the messages to a worker and back. */
const SMALL = 32_768;

/** Decoding always does; pixels in memory only when much is made of them. */
const paysOff = ({ sources, kept }: StoreMemory, indices: ArrayLike<number>, length: number): boolean =>
  length >= SMALL ||
  Array.from(indices).some((index) => !kept.has(index) && sources[index]?.kind !== "pixels");

const noRandomness: Uniform = () => {
  throw new DualtailError("this transform is random and needs a source of random numbers");
};

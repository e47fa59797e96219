import { afterEach, expect, test, vi } from "vitest";
import type { ClipCheckpoint } from "../../models/checkpoint/folder.ts";
import { sharedWorkers } from "../../models/images/index.ts";
import type { ExecutionContext } from "./context.ts";
import { createImageStores } from "./images.ts";

const SIDE = 128;
const checkpoint = {
  preprocessor: {
    channels: 3,
    imageSize: SIDE,
    resize: { shortestEdge: SIDE },
    crop: { height: SIDE, width: SIDE },
    filter: "bicubic",
    rescale: 1 / 255,
    mean: [0.5, 0.5, 0.5],
    std: [0.5, 0.5, 0.5],
  },
} as unknown as ClipCheckpoint;

const contextWith = (images?: { readonly workers?: number }) => {
  const pixels = { kind: "pixels", name: "grey", data: new Uint8Array(48).fill(128), width: 4, height: 4 };
  return {
    dataset: { train: { images: [{ ...pixels, channels: 3 }], labels: [0] } },
    config: {
      images,
      train: { augment: { crop: "center" } },
      evaluation: { tte: "none", preprocessing: "checkpoint" },
    },
  } as unknown as ExecutionContext;
};

afterEach(() => vi.restoreAllMocks());

test.each([
  ["as many workers as the config says", { workers: 3 }, 3],
  ["the default number when it says nothing", undefined, undefined],
  ["the default number when it says nothing of workers", {}, undefined],
])("images are prepared by %s", async (_, images, count) => {
  const out = new Float32Array(3 * SIDE * SIDE);
  const pool = sharedWorkers(count);
  expect(count === undefined || pool.count === count).toBe(true);
  const render = vi.spyOn(pool, "render").mockImplementation(async (task) => void task.out.fill(7));
  await createImageStores(contextWith(images)).loader("train", checkpoint)([0], out);
  expect(render).toHaveBeenCalledOnce();
  expect(out[0]).toBe(7);
});

test("a number that is none is refused", () => {
  expect(() => createImageStores(contextWith({ workers: 0 }))).toThrow("0 is no number of image workers");
});

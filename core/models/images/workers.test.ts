import { createHash } from "node:crypto";
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import sharp, { type Sharp } from "sharp";
import { afterAll, describe, expect, it } from "vitest";
import { temporaryFolder } from "../../../test/support/temporary-folder.ts";
import { DualtailError, FileError } from "../../errors.ts";
import type { ImageSource } from "../../plugin-api/dataset.ts";
import { uniformFrom } from "../../training/random.ts";
import type { Preprocessor } from "../checkpoint/preprocessor-config.ts";
import { cropsTransform } from "./crops-transform.ts";
import { createImageStore, type ImageStoreOptions } from "./image-store.ts";
import { testTransform } from "./test-transform.ts";
import { trainTransform } from "./train-transform.ts";
import type { Transform } from "./transform.ts";
import { createImageWorkers } from "./workers.ts";

const side = 32;
const preprocessor: Preprocessor = {
  channels: 3,
  imageSize: side,
  resize: { shortestEdge: side },
  crop: { height: side, width: side },
  filter: "bicubic",
  rescale: 1 / 255,
  mean: [0.48, 0.45, 0.4],
  std: [0.27, 0.26, 0.28],
};
const perImage = 3 * side * side;

const noise = (width: number, height: number, channels: 1 | 3) => {
  const uniform = uniformFrom(width, height, channels);
  return Uint8Array.from({ length: width * height * channels }, () => Math.floor(uniform() * 256));
};

/** Every kind of source, of unequal sizes: JPEG upright, turned and grey, PNG, bytes, pixels in a larger buffer. */
async function sources(): Promise<{ folder: string; list: ImageSource[] }> {
  const folder = await temporaryFolder();
  const raw = (width: number, height: number, channels: 1 | 3 = 3) =>
    sharp(noise(width, height, channels), { raw: { width, height, channels } });
  const file = async (name: string, image: Sharp): Promise<ImageSource> => {
    const path = join(folder, name);
    await image.toFile(path);
    return { kind: "file", path };
  };
  const jpeg = await raw(70, 51).jpeg().toBuffer();
  const large = new Uint8Array(100_000);
  const view = large.subarray(500, 500 + 40 * 30 * 3);
  view.set(noise(40, 30, 3));
  return {
    folder,
    list: [
      await file("a.jpg", raw(90, 64).jpeg({ quality: 90 })),
      await file("turned.jpg", raw(61, 80).jpeg().withMetadata({ orientation: 6 })),
      await file("grey.jpg", raw(50, 47, 1).toColourspace("b-w").jpeg()),
      await file("b.png", raw(33, 100).png()),
      { kind: "encoded", name: "shard.parquet, row 7", bytes: async () => jpeg },
      { kind: "pixels", name: "raw", data: view, width: 40, height: 30, channels: 3 },
    ],
  };
}

const workers = createImageWorkers(2);
afterAll(() => workers.close());

describe("a store with workers", () => {
  const order = Int32Array.of(3, 0, 1, 5, 2, 4, 0, 1);
  const fill = async (
    list: readonly ImageSource[],
    options: ImageStoreOptions,
    transform: Transform,
    views = 1,
  ) => {
    const store = createImageStore(list, 3, options);
    const rounds: string[] = [];
    for (const epoch of [0, 1]) {
      const out = new Float32Array(order.length * views * perImage);
      await store.fillBatch(order, transform, out, uniformFrom("augment", epoch));
      // Bits, since comparing large arrays number by number takes seconds.
      rounds.push(createHash("sha256").update(new Uint8Array(out.buffer)).digest("hex"));
    }
    return { rounds, kept: store.keptBytes };
  };

  it.each([
    ["the train transform", trainTransform(preprocessor), 1],
    ["the test transform", testTransform(preprocessor), 1],
    ["five crops", cropsTransform(preprocessor, { crops: "five", expand: 5 }), 5],
  ])("gives the very numbers of the main thread, images kept or not: %s", async (_, transform, views) => {
    const { list } = await sources();
    const here = await fill(list, { workers: null }, transform, views);
    const kept = await fill(list, { workers }, transform, views);
    const partly = await fill(list, { workers, maxBytes: 25_000 }, transform, views);
    // Only parts of JPEGs are decoded now.
    const none = await fill(list, { workers, maxBytes: 0 }, transform, views);
    expect(kept.rounds).toEqual(here.rounds);
    expect(partly.rounds).toEqual(here.rounds);
    expect(none.rounds).toEqual(here.rounds);
    expect(kept.kept).toBeGreaterThan(0);
    expect(partly.kept).toBeLessThanOrEqual(25_000);
    expect(none.kept).toBe(0);
  });

  it("fills several batches at once", async () => {
    const { list } = await sources();
    const transform = trainTransform(preprocessor);
    const batches = async (options: ImageStoreOptions, atOnce: boolean) => {
      const store = createImageStore(list, 3, options);
      const outs = [0, 1, 2].map(() => new Float32Array(order.length * perImage));
      const run = (i: number) => store.fillBatch(order, transform, outs[i]!, uniformFrom("augment", i));
      if (atOnce) await Promise.all([0, 1, 2].map(run));
      else for (const i of [0, 1, 2]) await run(i);
      return { outs, bytes: store.keptBytes };
    };
    const [one, other] = [await batches({ workers }, true), await batches({ workers: null }, false)];
    expect(one.outs).toEqual(other.outs);
    const sizes = (await Promise.all(list.slice(0, 5).map((_, i) => createImageStore(list, 3).get(i)))).map(
      ({ data }) => data.length,
    );
    expect(one.bytes).toBe(sizes.reduce((sum, bytes) => sum + bytes, 0));
  });

  it("names the first image that does not decode, lets the rest finish, and goes on", async () => {
    const { folder, list } = await sources();
    const store = createImageStore(list, 3, { workers, maxBytes: 0 });
    const out = new Float32Array(3 * perImage);
    const good = await sharp(join(folder, "a.jpg")).toBuffer();
    await writeFile(join(folder, "a.jpg"), good.subarray(0, good.length >> 1));
    const error = await store
      .fillBatch([3, 0, 1], testTransform(preprocessor), out)
      .catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(FileError);
    expect((error as FileError).file).toBe(join(folder, "a.jpg"));
    expect((error as FileError).oneLine).toMatch(/a\.jpg: does not decode as an image \(.+\) — replace it/);
    await rm(join(folder, "b.png"));
    await expect(
      store.fillBatch([3], testTransform(preprocessor), new Float32Array(perImage)),
    ).rejects.toThrow(/b\.png: there is no such image/);
    await writeFile(join(folder, "a.jpg"), good);
    await store.fillBatch([0, 1, 2], testTransform(preprocessor), out);
  });

  it("names an image whose bytes cannot be had", async () => {
    const broken: ImageSource = {
      kind: "encoded",
      name: "shard.parquet, row 8",
      bytes: () => Promise.reject(new Error("short read")),
    };
    const store = createImageStore([broken], 3, { workers });
    await expect(
      store.fillBatch([0], testTransform(preprocessor), new Float32Array(perImage)),
    ).rejects.toThrow("shard.parquet, row 8: the image cannot be read (short read)");
  });
});

describe("createImageWorkers", () => {
  it("fails and does not hang when the workers end", async () => {
    const { list } = await sources();
    const own = createImageWorkers(1);
    const store = createImageStore(list, 3, { workers: own });
    const filling = store.fillBatch(
      [0, 1, 2, 3],
      testTransform(preprocessor),
      new Float32Array(4 * perImage),
    );
    const failed = expect(filling).rejects.toThrow(/an image worker failed \(.+\) at .+\.(jpg|png)/);
    await own.close();
    await failed;
  });

  it("refuses numbers that make no sense", () => {
    expect(() => createImageWorkers(0)).toThrow(DualtailError);
    expect(() => createImageWorkers(1.5)).toThrow("1.5 is no number of image workers");
  });
});

import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { temporaryFolder } from "../../../test/support/temporary-folder.ts";
import type { ImageSource } from "../../plugin-api/dataset.ts";
import { createImageStore } from "./image-store.ts";
import type { Transform } from "./transform.ts";

/** 2 × 2 grey files; file i is filled with i. */
async function files(count: number): Promise<{ folder: string; sources: ImageSource[] }> {
  const folder = await temporaryFolder();
  const sources = Array.from(
    { length: count },
    (_, i) => ({ kind: "file", path: join(folder, `${i}.png`) }) as const,
  );
  for (const [i, { path }] of sources.entries()) {
    await sharp(new Uint8Array(4).fill(i), { raw: { width: 2, height: 2, channels: 1 } })
      .png()
      .toFile(path);
  }
  return { folder, sources };
}

/** [first pixel, a random number] */
const probe: Transform = (image, out, uniform) => {
  out[0] = image.data[0]!;
  out[1] = uniform();
};

describe("createImageStore", () => {
  it("fills a batch in the order of the indices, random numbers included", async () => {
    const { sources } = await files(5);
    const store = createImageStore(sources, 1);
    const out = new Float32Array(8);
    let calls = 0;
    await store.fillBatch(Int32Array.of(3, 0, 3, 4), probe, out, () => calls++);
    expect([...out]).toEqual([3, 0, 0, 1, 3, 2, 4, 3]);
    expect(store.size).toBe(5);
  });

  it("decodes a file once and keeps it", async () => {
    const { folder, sources } = await files(2);
    const store = createImageStore(sources, 3);
    const [one, again] = await Promise.all([store.get(1), store.get(1)]);
    expect(again).toBe(one);
    expect(store.keptBytes).toBe(12);
    await rm(folder, { recursive: true });
    expect(await store.get(1)).toBe(one);
    await expect(store.get(0)).rejects.toThrow("there is no such image");
  });

  it("keeps no more than it may, and decodes the rest again", async () => {
    const { folder, sources } = await files(3);
    const store = createImageStore(sources, 1, { maxBytes: 9 });
    for (const index of [0, 1, 2]) await store.get(index);
    expect(store.keptBytes).toBe(8);
    expect((await store.get(2)).data[0]).toBe(2);
    await rm(folder, { recursive: true });
    expect((await store.get(0)).data[0]).toBe(0);
    await expect(store.get(2)).rejects.toThrow("2.png");
  });

  it("does not count pixels that the source holds anyway", async () => {
    const pixels = {
      kind: "pixels",
      name: "raw",
      data: new Uint8Array(12),
      width: 2,
      height: 2,
      channels: 3,
    } as const;
    const same = createImageStore([pixels], 3);
    await same.get(0);
    expect(same.keptBytes).toBe(0);
    const converted = createImageStore([pixels], 1);
    await converted.get(0);
    expect(converted.keptBytes).toBe(4);
  });

  it("fails a batch with the name of the image that does not decode, and can go on", async () => {
    const { folder, sources } = await files(3);
    await writeFile(join(folder, "1.png"), "broken");
    const store = createImageStore(sources, 1);
    const out = new Float32Array(6);
    await expect(store.fillBatch([0, 1, 2], probe, out, () => 0)).rejects.toThrow(join(folder, "1.png"));
    await sharp(new Uint8Array(4).fill(9), { raw: { width: 2, height: 2, channels: 1 } })
      .png()
      .toFile(join(folder, "1.png"));
    await store.fillBatch([0, 1, 2], probe, out, () => 0);
    expect([...out]).toEqual([0, 0, 9, 0, 2, 0]);
  });

  it("refuses what cannot be meant", async () => {
    const { sources } = await files(2);
    const store = createImageStore(sources, 1);
    await expect(store.get(2)).rejects.toThrow("there is no image 2, only 2");
    await expect(store.fillBatch([0, 1], probe, new Float32Array(3))).rejects.toThrow(
      "3 numbers do not divide into 2 images",
    );
    await expect(store.fillBatch([0], probe, new Float32Array(2))).rejects.toThrow(
      "needs a source of random numbers",
    );
  });
});

import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { openCheckpoint } from "../../models/checkpoint/folder.ts";
import { cachedOutputs, type FrozenInputs } from "./frozen-cache.ts";

const testbed = new URL("../../../testbed/clip", import.meta.url).pathname;
let folder: string;
const warnings: string[] = [];
const warn = (message: string) => warnings.push(message);
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "frozen-"));
});
afterEach(() => rm(folder, { recursive: true }));

async function inputs(changes: Partial<FrozenInputs> = {}): Promise<FrozenInputs> {
  const texts = { features: Float32Array.of(1, 0, 0, 1), classes: 2, width: 2 };
  return {
    checkpoint: await openCheckpoint(testbed),
    texts,
    dataset: "d",
    split: "test",
    settings: { batchSize: 4 },
    ...changes,
  };
}

/** Outputs that tell how many times they were computed. */
function counting() {
  let calls = 0;
  const compute = async () => {
    calls++;
    return { features: Float32Array.of(calls, -0, 1e-40), logits: Float32Array.of(calls * 2) };
  };
  return { compute, calls: () => calls };
}

describe("frozen outputs on disk", () => {
  test("are computed once for equal inputs and come back bit for bit", async () => {
    const { compute, calls } = counting();
    const first = await cachedOutputs(folder, await inputs(), compute, warn);
    const second = await cachedOutputs(folder, await inputs(), compute, warn);
    expect(calls()).toBe(1);
    expect(second).toEqual(first);
    expect(Object.is(second.features[1], -0)).toBe(true);
  });

  test.each<[string, Partial<FrozenInputs>]>([
    ["data", { dataset: "e" }],
    ["split", { split: "train" }],
    ["settings", { settings: { batchSize: 8 } }],
    ["texts", { texts: { features: Float32Array.of(1, 0, 1, 0), classes: 2, width: 2 } as never }],
  ])("are computed again for other %s", async (_, changes) => {
    const { compute, calls } = counting();
    await cachedOutputs(folder, await inputs(), compute, warn);
    await cachedOutputs(folder, await inputs(changes), compute, warn);
    expect(calls()).toBe(2);
  });

  test("are computed again for another activation", async () => {
    const { compute, calls } = counting();
    await cachedOutputs(folder, await inputs(), compute, warn);
    const checkpoint = await openCheckpoint(testbed, { activation: "gelu" });
    await cachedOutputs(folder, await inputs({ checkpoint }), compute, warn);
    expect(calls()).toBe(2);
  });

  test("that cannot be kept are told, and used", async () => {
    const { compute } = counting();
    await writeFile(join(folder, "frozen"), "no folder");
    expect((await cachedOutputs(folder, await inputs(), compute, warn)).logits[0]).toBe(2);
    expect(warnings).toEqual([expect.stringContaining("not kept")]);
  });

  test("are computed again where the file is damaged", async () => {
    const { compute, calls } = counting();
    await cachedOutputs(folder, await inputs(), compute, warn);
    const [file] = await readdir(join(folder, "frozen"));
    await writeFile(join(folder, "frozen", file!), "damaged");
    expect((await cachedOutputs(folder, await inputs(), compute, warn)).logits[0]).toBe(4);
    expect(calls()).toBe(2);
  });
});

import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { temporaryFolder } from "../../test/support/temporary-folder.ts";
import { readSafetensorsHeader, writeSafetensors } from "./checkpoint/safetensors.ts";
import { readWeight } from "./read-weight.ts";

// Exact in every format.
const data = Float32Array.of(0, 1, -2.5, 0.125, -96, 2 ** -14);

describe("a weight's values", () => {
  it.each([
    ["F32", "float32"],
    ["F16", "float16"],
    ["BF16", "bfloat16"],
  ] as const)("are widened from %s", async (stored, dtype) => {
    const file = join(await temporaryFolder(), "model.safetensors");
    const tensor = { shape: [2, 3], dtype: stored, data };
    await writeSafetensors(file, { before: { ...tensor, shape: [6] }, weight: tensor }, {});
    const { offset, length } = (await readSafetensorsHeader(file)).tensors.get("weight")!;
    const at = { file, offset, length, dtype, shape: [2, 3] };
    expect(await readWeight(at)).toEqual(data);
    // The bytes are then a [3, 2] matrix.
    const [a, b, c, d, e, f] = data;
    expect([...(await readWeight({ ...at, transposed: true }))]).toEqual([a, c, e, b, d, f]);
    expect(await readWeight({ ...at, data: Float32Array.of(7) })).toEqual(Float32Array.of(7));
  });

  it("are not made up where there are none", async () => {
    const file = join(await temporaryFolder(), "short");
    await writeFile(file, new Uint8Array(8));
    const at = { file, offset: 4, length: 8, dtype: "float32", shape: [2] } as const;
    await expect(readWeight(at)).rejects.toThrow(/short: ends after 8 bytes/);
    await expect(readWeight({ ...at, file: `${file}er` })).rejects.toThrow(/there is no such file/);
    await expect(readWeight({ ...at, dtype: "int64" })).rejects.toThrow(/holds int64 where a weight/);
  });
});

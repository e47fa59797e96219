import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { temporaryFolder } from "../../../test/support/temporary-folder.ts";
import { FileError } from "../../errors.ts";
import { bfloatToFloat, floatToBfloat, floatToHalf, halfToFloat } from "./half.ts";
import { readSafetensorsHeader, readTensor, writeSafetensors } from "./safetensors.ts";

/** A file as the format has it, with whatever header and data. */
function encode(header: unknown, data: Uint8Array = new Uint8Array()): Buffer {
  const json = Buffer.from(typeof header === "string" ? header : JSON.stringify(header));
  const size = Buffer.alloc(8);
  size.writeBigUInt64LE(BigInt(json.length));
  return Buffer.concat([size, json, data]);
}

async function errorOf(content: Uint8Array): Promise<FileError> {
  const file = join(await temporaryFolder(), "weights.safetensors");
  await writeFile(file, content);
  const error = await readSafetensorsHeader(file).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(FileError);
  expect((error as FileError).message).toContain(file);
  expect((error as FileError).hint).toBeTruthy();
  return error as FileError;
}

describe("a written file", () => {
  it("gives back every tensor, its place in the file and the metadata", async () => {
    const file = join(await temporaryFolder(), "deep", "weights.safetensors");
    const floats = Float32Array.of(1.5, -2, 3.25, 0, 65504, 1e-7);
    await writeSafetensors(
      file,
      {
        floats: { shape: [2, 3], data: floats },
        halves: { shape: [6], data: floats, dtype: "F16" },
        brains: { shape: [3, 2], data: floats, dtype: "BF16" },
        doubles: { shape: [2], data: Float64Array.of(0.1, -7) },
        longs: { shape: [1], data: BigInt64Array.of(-(2n ** 40n)) },
        ints: { shape: [2, 1], data: Int32Array.of(-5, 6) },
        bytes: { shape: [3], data: Uint8Array.of(0, 1, 255) },
        scalar: { shape: [], data: Float32Array.of(2.6592) },
        empty: { shape: [0, 4], data: new Float32Array() },
      },
      { format: "pt", step: "7" },
    );
    const header = await readSafetensorsHeader(file);
    expect(header.metadata).toEqual({ format: "pt", step: "7" });
    const read = async (name: string) => [...(await readTensor(header, name))];
    expect(await read("floats")).toEqual([...floats]);
    expect(await read("halves")).toEqual([1.5, -2, 3.25, 0, 65504, 2 * 2 ** -24]);
    expect((await read("brains")).slice(0, 4)).toEqual([1.5, -2, 3.25, 0]);
    expect(await read("doubles")).toEqual([Math.fround(0.1), -7]);
    expect(await read("longs")).toEqual([-(2 ** 40)]);
    expect(await read("ints")).toEqual([-5, 6]);
    expect(await read("bytes")).toEqual([0, 1, 255]);
    expect(await read("scalar")).toEqual([Math.fround(2.6592)]);
    expect(await read("empty")).toEqual([]);

    const { offset, length, shape, dtype } = header.tensors.get("ints")!;
    expect({ length, shape, dtype }).toEqual({ length: 8, shape: [2, 1], dtype: "I32" });
    const content = await readFile(file);
    expect([content.readInt32LE(offset), content.readInt32LE(offset + 4)]).toEqual([-5, 6]);
    for (const { offset, dtype } of header.tensors.values()) {
      if (dtype === "F32") expect(offset % 4).toBe(0);
    }
    expect(await readdir(join(file, ".."))).toEqual(["weights.safetensors"]);
  });

  it("does not depend on the order the tensors are given in", async () => {
    const folder = await temporaryFolder();
    const a = { shape: [1], data: Float32Array.of(1) };
    const b = { shape: [1], data: Float32Array.of(2) };
    await writeSafetensors(join(folder, "ab"), { a, b }, { x: "1", y: "2" });
    await writeSafetensors(join(folder, "ba"), { b, a }, { y: "2", x: "1" });
    expect(await readFile(join(folder, "ab"))).toEqual(await readFile(join(folder, "ba")));
  });

  it("is not touched when what should replace it is wrong", async () => {
    const file = join(await temporaryFolder(), "weights.safetensors");
    await writeSafetensors(file, { a: { shape: [1], data: Float32Array.of(1) } });
    const before = await readFile(file);
    const wrong = { a: { shape: [2, 2], data: Float32Array.of(1, 2, 3) } };
    await expect(writeSafetensors(file, wrong)).rejects.toThrow(
      'tensor "a": shape [2,2] has 4 elements, its data 3',
    );
    const unfit = { a: { shape: [1], data: Int32Array.of(1), dtype: "F16" as const } };
    await expect(writeSafetensors(file, unfit)).rejects.toThrow(
      'tensor "a": Int32Array cannot be written as F16',
    );
    expect(await readFile(file)).toEqual(before);
  });

  it("names the file that cannot be written", async () => {
    const folder = await temporaryFolder();
    await writeFile(join(folder, "file"), "");
    const file = join(folder, "file", "weights.safetensors");
    await expect(writeSafetensors(file, {})).rejects.toThrow(`${file}: cannot be written`);
  });
});

describe("a file that cannot be used", () => {
  const entry = (begin: number, end: number, shape = [(end - begin) / 4]) => ({
    dtype: "F32",
    shape,
    data_offsets: [begin, end],
  });

  it("is missing, or a folder", async () => {
    const folder = await temporaryFolder();
    await expect(readSafetensorsHeader(join(folder, "none"))).rejects.toThrow(/none: there is no such file/);
    await expect(readSafetensorsHeader(folder)).rejects.toThrow(FileError);
  });

  it.each([
    ["has no size", Buffer.from("abc"), /is truncated: 3 bytes/],
    ["is a web page", Buffer.from("<!DOCTYPE html><html>"), /is not a safetensors file.*header of \d+ bytes/],
    [
      "ends within the header",
      encode({ a: entry(0, 4) }).subarray(0, 20),
      /is truncated: 20 bytes, its header alone/,
    ],
    ["has a header that is not JSON", encode("{oops"), /corrupt header: it is not JSON/],
    [
      "names a tensor twice",
      encode(
        '{"a":{"dtype":"F32","shape":[],"data_offsets":[0,4]},"a":{"dtype":"I32","shape":[],"data_offsets":[0,4]}}',
        new Uint8Array(4),
      ),
      /corrupt header: a key is in it twice/,
    ],
    ["has a byte-order mark", encode("\ufeff{}"), /corrupt header: it is not JSON/],
    ["has a header that is a list", encode([]), /corrupt header: it is not a JSON object/],
    ["has metadata that is no map of strings", encode({ __metadata__: { a: 1 } }), /__metadata__ must map/],
    ["has a tensor that is no object", encode({ a: 3 }), /tensor "a": its description/],
    [
      "has an unknown dtype",
      encode({ a: { ...entry(0, 4), dtype: "F7" } }),
      /tensor "a": unknown dtype "F7"; known: .*BF16/,
    ],
    ["has a negative size", encode({ a: entry(0, 4, [-1]) }), /tensor "a": its shape/],
    ["has no offsets", encode({ a: { dtype: "F32", shape: [1] } }), /tensor "a": its data_offsets are not/],
    ["has reversed offsets", encode({ a: entry(8, 4, [1]) }), /tensor "a": its data_offsets are not/],
    [
      "has too few bytes for a shape",
      encode({ a: entry(0, 4, [3]) }),
      /F32\[3\] takes 12 bytes, but its data_offsets span 4/,
    ],
    [
      "has overlapping tensors",
      encode({ a: entry(0, 8), b: entry(4, 12) }, Buffer.alloc(12)),
      /tensors "a" and "b" overlap/,
    ],
    [
      "has a hole",
      encode({ a: entry(0, 4), b: entry(8, 12) }, Buffer.alloc(12)),
      /4 bytes before tensor "b"/,
    ],
    [
      "lacks the end of its data",
      encode({ a: entry(0, 8) }, Buffer.alloc(7)),
      /is truncated: tensor "a" ends at byte/,
    ],
    ["has bytes too many", encode({ a: entry(0, 4) }, Buffer.alloc(5)), /has 1 bytes after the last tensor/],
  ])("%s", async (_what, content, message) => {
    expect((await errorOf(content)).message).toMatch(message);
  });

  it("is cut anywhere: never read as if whole", async () => {
    const folder = await temporaryFolder();
    const file = join(folder, "whole");
    await writeSafetensors(file, { a: { shape: [3], data: Float32Array.of(1, 2, 3) } }, { format: "pt" });
    const content = await readFile(file);
    for (let length = 0; length < content.length; length++) {
      await writeFile(file, content.subarray(0, length));
      await expect(readSafetensorsHeader(file), `cut to ${length} bytes`).rejects.toThrow(FileError);
    }
  });

  it("does not have the tensor that is read", async () => {
    const file = join(await temporaryFolder(), "weights.safetensors");
    await writeFile(
      file,
      encode({ a: { dtype: "F8_E4M3", shape: [1], data_offsets: [0, 1] } }, Buffer.alloc(1)),
    );
    const header = await readSafetensorsHeader(file);
    await expect(readTensor(header, "b")).rejects.toThrow(`${file}: has no tensor "b"`);
    await expect(readTensor(header, "a")).rejects.toThrow('tensor "a": F8_E4M3 cannot be read as numbers');
  });
});

describe("half precision", () => {
  it("gives all 65,536 bit patterns of both formats back", () => {
    for (let bits = 0; bits < 65536; bits++) {
      const half = halfToFloat(bits);
      if (Number.isNaN(half)) expect(halfToFloat(floatToHalf(half))).toBeNaN();
      else if (floatToHalf(half) !== bits) expect.fail(`F16 ${bits} → ${half} → ${floatToHalf(half)}`);
      const brain = bfloatToFloat(bits);
      if (Number.isNaN(brain)) expect(bfloatToFloat(floatToBfloat(brain))).toBeNaN();
      else if (floatToBfloat(brain) !== bits)
        expect.fail(`BF16 ${bits} → ${brain} → ${floatToBfloat(brain)}`);
    }
  });

  it("rounds to the nearest value, ties to even", () => {
    const nearest = (value: number, toBits: (x: number) => number, toFloat: (bits: number) => number) => {
      const bits = toBits(value);
      const error = Math.abs(toFloat(bits) - value);
      for (const other of [bits - 1, bits + 1]) {
        const distance = Math.abs(toFloat(other & 0xffff) - value);
        if (Number.isNaN(distance)) continue;
        expect(error).toBeLessThanOrEqual(distance);
        if (error === distance) expect(bits % 2).toBe(0);
      }
    };
    fc.assert(
      fc.property(fc.float({ min: -65000, max: 65000, noNaN: true }), (value) => {
        nearest(value, floatToHalf, halfToFloat);
        nearest(value, floatToBfloat, bfloatToFloat);
      }),
      { numRuns: 2000 },
    );
    expect(halfToFloat(floatToHalf(65519))).toBe(65504);
    expect(halfToFloat(floatToHalf(65520))).toBe(Number.POSITIVE_INFINITY);
    expect(halfToFloat(floatToHalf(2 ** -25))).toBe(0);
    expect(halfToFloat(floatToHalf(2 ** -25 * 1.0001))).toBe(2 ** -24);
  });
});

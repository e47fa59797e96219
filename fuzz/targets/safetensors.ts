import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DualtailError } from "../../core/errors.ts";
import { readSafetensorsHeader, readTensor } from "../../core/models/checkpoint/safetensors.ts";
import { mutateBytes } from "../mutate/bytes.ts";
import { mutateJsonText } from "../mutate/json.ts";
import type { Random } from "../random.ts";
import { expectThat, type Target } from "../target.ts";
import { type PlainTensor, plainSafetensors } from "./plain-safetensors.ts";

type Header = Record<string, unknown>;

const DTYPES = ["F32", "F64", "F16", "BF16", "I64", "I32", "U8", "BOOL", "F8_E4M3", "U16", "I8", "U64"];
const BYTES: Readonly<Record<string, number>> = {
  ...{ F32: 4, F64: 8, F16: 2, BF16: 2, I64: 8, I32: 4, U8: 1, BOOL: 1, F8_E4M3: 1, U16: 2, I8: 1, U64: 8 },
};
const LENGTHS = [0n, 1n, 7n, 100_000_000n, 100_000_001n, 2n ** 31n, 2n ** 53n, 2n ** 63n, 2n ** 64n - 1n];

/** A valid file: header and data. */
function build(random: Random): { header: Header; data: Buffer } {
  const header: Header = {};
  let end = 0;
  for (let i = random.below(5); i >= 0; i--) {
    const dtype = random.pick(DTYPES);
    const shape = Array.from({ length: random.below(4) }, () => random.pick([0, 1, 2, 3, 5]));
    const length = shape.reduce((product, size) => product * size, BYTES[dtype]!);
    header[random.pick(["weight", "bias", "a.b", "é", ""]) + i] = {
      dtype,
      shape,
      data_offsets: [end, end + length],
    };
    end += length;
  }
  if (random.chance(0.3)) header.__metadata__ = { format: "pt" };
  return { header, data: random.bytes(end) };
}

function encode(random: Random, json: Buffer, data: Buffer): Buffer {
  const size = Buffer.alloc(8);
  const near = BigInt(Math.max(0, json.length + random.pick([-1, 1, 8, -8, data.length, data.length + 1])));
  size.writeBigUInt64LE(random.chance(0.15) ? random.pick([...LENGTHS, near, near]) : BigInt(json.length));
  return Buffer.concat([size, json, data]);
}

function makeFile(random: Random): Buffer {
  const { header, data } = build(random);
  const json = random.chance(0.8)
    ? mutateJsonText(random, shift(random, header))
    : Buffer.from(JSON.stringify(header));
  const file = encode(random, json, data);
  return random.chance(0.25) ? mutateBytes(random, file) : file;
}

/** Moves one tensor's offsets so that it overlaps another, leaves a hole or ends elsewhere. */
function shift(random: Random, header: Header): Header {
  if (random.chance(0.7)) return header;
  const entries = Object.entries(header).filter(([name]) => name !== "__metadata__");
  const [name, entry] = random.pick(entries) as [string, { data_offsets: [number, number] }];
  const [begin, end] = entry.data_offsets;
  const by = random.pick([1, -1, 4, end - begin, begin - end, 2 ** 32, 2 ** 53, -begin]);
  const moved = random.pick([
    [begin + by, end + by],
    [begin, end + by],
    [begin + by, end],
    [end, begin],
  ]);
  return { ...header, [name]: { ...entry, data_offsets: moved } };
}

export const target: Target = {
  name: "safetensors",
  async prepare(folder) {
    const file = join(folder, "model.safetensors");
    return async (random) => {
      const bytes = makeFile(random);
      await writeFile(file, bytes);
      return {
        subject: file,
        async read() {
          const plain = plainSafetensors(bytes);
          const header = await readSafetensorsHeader(file).catch((error: unknown) => {
            expectThat(
              !(error instanceof DualtailError) || plain === undefined,
              `refused a valid file: ${error}`,
            );
            throw error;
          });
          expectThat(plain !== undefined, "opened what is not a safetensors file");
          expectThat(
            `${[...header.tensors.keys()].sort()}` === `${[...plain.keys()].sort()}`,
            "other tensors",
          );
          for (const [name, { dtype, shape, offset, length }] of header.tensors) {
            const other = plain.get(name)!;
            expectThat(
              dtype === other.dtype && `${shape}` === `${other.shape}`,
              `${name} is described otherwise`,
            );
            expectThat(
              bytes.subarray(offset, offset + length).equals(other.bytes),
              `${name} has other bytes`,
            );
            if (VALUES[dtype]) sameValues(name, await readTensor(header, name), other);
            else await expectRefusal(readTensor(header, name), name);
          }
        },
      };
    };
  },
};

/** Reads one element, little-endian. */
const VALUES: Readonly<Record<string, (view: DataView, i: number) => number>> = {
  F32: (view, i) => view.getFloat32(4 * i, true),
  F64: (view, i) => view.getFloat64(8 * i, true),
  F16: (view, i) => half(view.getUint16(2 * i, true)),
  BF16: (view, i) => new Float32Array(Uint32Array.of(view.getUint16(2 * i, true) << 16).buffer)[0]!,
  I64: (view, i) => Number(view.getBigInt64(8 * i, true)),
  I32: (view, i) => view.getInt32(4 * i, true),
  U8: (view, i) => view.getUint8(i),
  BOOL: (view, i) => view.getUint8(i),
};

function half(bits: number): number {
  const [exponent, fraction] = [(bits >> 10) & 31, bits & 1023];
  const sign = bits >> 15 ? -1 : 1;
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (exponent ? 2 ** (exponent - 15) * (1 + fraction / 1024) : (fraction / 1024) * 2 ** -14);
}

function sameValues(name: string, actual: Float32Array, { dtype, bytes, shape }: PlainTensor): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const count = shape.reduce((product, size) => product * size, 1);
  expectThat(actual.length === count, `${name} has ${actual.length} values, not ${count}`);
  for (let i = 0; i < count; i++) {
    const expected = Math.fround(VALUES[dtype]!(view, i));
    expectThat(Object.is(actual[i], expected), `${name}[${i}] is ${actual[i]}, not ${expected}`);
  }
}

async function expectRefusal(reading: Promise<unknown>, name: string): Promise<void> {
  const refused = await reading.then(
    () => false,
    (error: unknown) => error instanceof DualtailError,
  );
  expectThat(refused, `${name} was read as numbers`);
}

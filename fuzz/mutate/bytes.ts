import type { Random } from "../random.ts";

const NUMBERS = [0, 1, 0x7f, 0x80, 0xff, 0x7fff, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff];

type Mutation = (random: Random, bytes: Buffer) => Buffer;

const mutations: readonly Mutation[] = [
  function flipBits(random, bytes) {
    const out = Buffer.from(bytes);
    for (let i = random.below(4); i >= 0; i--) {
      const at = random.below(out.length);
      out[at] = out[at]! ^ (1 << random.below(8));
    }
    return out;
  },
  function setBytes(random, bytes) {
    const out = Buffer.from(bytes);
    for (let i = random.below(4); i >= 0; i--) out[random.below(out.length)] = random.below(256);
    return out;
  },
  function setNumber(random, bytes) {
    const out = Buffer.from(bytes);
    const size = random.pick([2, 4]);
    if (out.length < size) return out;
    const at = random.below(out.length - size + 1);
    const value = random.pick(NUMBERS) % 2 ** (8 * size);
    if (random.chance(0.5)) out.writeUIntLE(value, at, size);
    else out.writeUIntBE(value, at, size);
    return out;
  },
  (random, bytes) => bytes.subarray(0, random.below(bytes.length)),
  function cut(random, bytes) {
    const from = random.below(bytes.length);
    return Buffer.concat([bytes.subarray(0, from), bytes.subarray(from + 1 + random.below(16))]);
  },
  function insert(random, bytes) {
    const at = random.below(bytes.length + 1);
    return Buffer.concat([bytes.subarray(0, at), random.bytes(1 + random.below(16)), bytes.subarray(at)]);
  },
  function repeat(random, bytes) {
    const [from, at] = [random.below(bytes.length), random.below(bytes.length + 1)];
    const part = bytes.subarray(from, from + 1 + random.below(64));
    return Buffer.concat([bytes.subarray(0, at), part, bytes.subarray(at)]);
  },
  (random, bytes) => Buffer.concat([bytes, random.bytes(1 + random.below(64))]),
  function blank(random, bytes) {
    const out = Buffer.from(bytes);
    const from = random.below(out.length);
    return out.fill(random.pick([0, 0xff]), from, Math.min(out.length, from + 1 + random.below(64)));
  },
];

/** The bytes with one to three changes anywhere: flipped, overwritten, cut, inserted, repeated. */
export function mutateBytes(random: Random, bytes: Buffer): Buffer {
  let out = bytes;
  for (let i = random.below(3); i >= 0 && out.length > 0; i--) out = random.pick(mutations)(random, out);
  return out;
}

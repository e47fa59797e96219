import type { Random } from "../random.ts";
import { mutateBytes } from "./bytes.ts";

/** Values that a reader may not have thought of. */
const NASTY: readonly unknown[] = [
  null,
  true,
  false,
  0,
  -0,
  1,
  -1,
  0.5,
  1e9,
  1e10,
  2 ** 31,
  2 ** 32,
  2 ** 53,
  1e300,
  -1e300,
  "",
  "0",
  "constructor",
  "__proto__",
  "toString",
  "../../../etc/passwd",
  "..",
  ".",
  "/etc/passwd",
  "a\u0000b",
  "\ud800",
  "x".repeat(5000),
  [],
  [[]],
  {},
  [null],
  [1, 2, 3],
  { a: 1 },
];
const KEYS = ["", "__proto__", "constructor", "a\u0000", "x".repeat(300), "weight_map", "toString", "0"];

type Holder = Record<string | number, unknown>;

/** Every place in a value: its holder and key. */
function placesIn(value: unknown, out: { holder: Holder; key: string | number }[] = []): typeof out {
  if (typeof value !== "object" || value === null) return out;
  const keys = Array.isArray(value) ? value.keys() : Object.keys(value);
  for (const key of keys) {
    out.push({ holder: value as Holder, key });
    placesIn((value as Holder)[key], out);
  }
  return out;
}

const remove = (holder: Holder, key: string | number): void => {
  if (Array.isArray(holder)) holder.splice(Number(key), 1);
  else delete holder[key];
};

const near = (random: Random, value: unknown): unknown => {
  if (typeof value === "number") {
    return random.pick([
      value + 1,
      value - 1,
      -value,
      value * 2,
      value / 2,
      value * 1e6,
      String(value),
      value + 0.5,
    ]);
  }
  if (typeof value === "string") {
    return random.pick([value.toUpperCase(), `${value} `, value.slice(1), value + value, [value]]);
  }
  return Array.isArray(value) ? [...value, ...value] : { value };
};

/** A copy with one to three values replaced, moved, copied or removed, or keys renamed. */
export function mutateJson(random: Random, value: unknown): unknown {
  const box = { value: structuredClone(value) };
  for (let i = random.below(3); i >= 0; i--) {
    const { holder, key } = random.pick(placesIn(box));
    const other = random.pick(placesIn(box));
    switch (random.below(6)) {
      case 0:
        remove(holder, key);
        break;
      case 1:
        holder[key] = near(random, holder[key]);
        break;
      case 2:
        holder[key] = structuredClone(other.holder[other.key]);
        break;
      case 3: {
        const name = random.pick(KEYS);
        Object.defineProperty(holder, Array.isArray(holder) ? key : name, {
          value: holder[key],
          enumerable: true,
          configurable: true,
          writable: true,
        });
        break;
      }
      default:
        holder[key] = structuredClone(random.pick(NASTY));
    }
    if (placesIn(box).length === 0) box.value = random.pick(NASTY);
  }
  return box.value;
}

/** JSON text of a mutated value, at times broken as text: cut, repeated keys, deep nesting, a byte-order mark. */
export function mutateJsonText(random: Random, value: unknown): Buffer {
  const text = JSON.stringify(random.chance(0.7) ? mutateJson(random, value) : value) ?? "";
  switch (random.below(10)) {
    case 0:
      return mutateBytes(random, Buffer.from(text));
    case 1:
      return Buffer.from(repeatKey(random, text));
    case 2:
      return Buffer.from(random.pick([`\ufeff${text}`, `${text}\n\n`, `${text},`, `${text}${text}`, ""]));
    case 3: {
      const depth = random.pick([10, 1000, 20_000]);
      const nested = "[".repeat(depth) + (random.chance(0.5) ? "]".repeat(depth) : "");
      return Buffer.from(random.chance(0.5) ? nested : text.replace(/:[^{[]/, () => `:${nested},"x":1`));
    }
    case 4:
      return Buffer.from(
        text.replace(/\d+/, () => random.pick(["1e999", "-1", "1.5", "99999999999999999999", "0x10"])),
      );
    default:
      return Buffer.from(text);
  }
}

/** Writes one key of an object twice, with another value the second time or the first. */
function repeatKey(random: Random, text: string): string {
  const members = [...text.matchAll(/"(?:[^"\\]|\\.)*":(?:\[[^[\]{}]*\]|"[^"]*"|[\d.]+)/g)];
  if (members.length === 0) return text;
  const [one, two] = [random.pick(members), random.pick(members)];
  const key = one[0].slice(0, one[0].indexOf('":') + 2);
  const other = key + two[0].slice(two[0].indexOf('":') + 2);
  const pair = random.chance(0.5) ? `${one[0]},${other}` : `${other},${one[0]}`;
  return text.slice(0, one.index) + pair + text.slice(one.index + one[0].length);
}

import { type Shape, sizeOf } from "../graph/index.ts";
import type { ParamStart } from "../models/params.ts";
import type { Init } from "../plugin-api/peft.ts";
import { normalFrom, uniformFrom } from "./random.ts";

/** A trainable parameter before it has values. */
export interface ParamSpec {
  readonly name: string;
  readonly shape: Shape;
  readonly init: ParamStart;
}

type Fill = (init: never, uniform: () => number) => () => number;

const fills: {
  readonly [K in Init["kind"]]: (init: Extract<Init, { kind: K }>, uniform: () => number) => () => number;
} = {
  zeros: () => () => 0,
  constant:
    ({ value }) =>
    () =>
      value,
  normal: ({ std, mean = 0 }, uniform) => {
    const next = scaled(normalFrom(uniform), std);
    return () => mean + next();
  },
  uniform:
    ({ bound }, uniform) =>
    () =>
      (2 * uniform() - 1) * bound,
  // gain √(2 / (1 + a²)) over √fan, as PyTorch's init.kaiming_*.
  "kaiming-normal": ({ a, fan }, uniform) => scaled(normalFrom(uniform), Math.sqrt(2 / (1 + a * a) / fan)),
  "kaiming-uniform": ({ a, fan }, uniform) => {
    const bound = Math.sqrt(6 / (1 + a * a) / fan);
    return () => (2 * uniform() - 1) * bound;
  },
  "unit-rows": ({ width }, uniform) => {
    let row: number[] = [];
    return () => {
      if (row.length === 0) {
        const drawn = Array.from({ length: width }, () => 2 * uniform() - 1);
        const norm = Math.hypot(...drawn);
        row = drawn.map((value) => value / norm);
      }
      return row.shift()!;
    };
  },
};

const scaled = (draw: () => number, std: number) => () => draw() * std;

/**
 * Starting values; each parameter's depend on the seed and its own name only.
 * @throws FileError when values cannot be read from the checkpoint
 */
export async function initParams(
  specs: readonly ParamSpec[],
  seed: number,
): Promise<Map<string, Float32Array>> {
  const values = new Map<string, Float32Array>();
  for (const spec of specs) values.set(spec.name, await startOf(spec, seed));
  return values;
}

async function startOf({ name, shape, init }: ParamSpec, seed: number): Promise<Float32Array> {
  if (typeof init === "function") return init();
  if (init instanceof Float32Array) return Float32Array.from(init);
  const fill = fills[init.kind] as Fill;
  const next = fill(init as never, uniformFrom(seed, "init", name));
  return Float32Array.from({ length: sizeOf(shape) }, next);
}

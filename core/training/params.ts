import { type Shape, sizeOf } from "../graph/index.ts";
import type { Init } from "../plugin-api/peft.ts";
import { normalFrom, uniformFrom } from "./random.ts";

/** A trainable parameter before it has values. */
export interface ParamSpec {
  readonly name: string;
  readonly shape: Shape;
  /** How it starts, or the values it starts from. */
  readonly init: Init | Float32Array;
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
  normal: ({ std }, uniform) => scaled(normalFrom(uniform), std),
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
};

const scaled = (draw: () => number, std: number) => () => draw() * std;

/** Starting values; each parameter's depend on the seed and its own name only. */
export function initParams(specs: readonly ParamSpec[], seed: number): Map<string, Float32Array> {
  return new Map(
    specs.map(({ name, shape, init }) => {
      if (init instanceof Float32Array) return [name, Float32Array.from(init)];
      const fill = fills[init.kind] as Fill;
      const next = fill(init as never, uniformFrom(seed, "init", name));
      return [name, Float32Array.from({ length: sizeOf(shape) }, next)];
    }),
  );
}

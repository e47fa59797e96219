import type { Graph, Value } from "../graph/index.ts";
import type { Optimizer } from "./optimizers/index.ts";

export interface UpdateOptions {
  readonly optimizer: Optimizer;
  /** Weight decay factor per parameter, 1 when absent. */
  readonly decayFactor?: (param: Value) => number;
  /** Gradients are scaled down to this global norm. */
  readonly clipNorm?: number;
}

/** Name of the output that replaces a parameter or a slot. */
export const next = (name: string): string => `${name}/next`;

/** The optimizer's update of every parameter, as named outputs. */
export function updateGraph(
  g: Graph,
  params: readonly Value[],
  gradients: readonly Value[],
  { optimizer, decayFactor = () => 1, clipNorm }: UpdateOptions,
): Record<string, Value> {
  const lr = g.input("lr", "float32", []);
  const scalars = Object.fromEntries(
    Object.keys(optimizer.scalars(1)).map((name) => [name, g.input(name, "float32", [])]),
  );
  const scale = clipNorm === undefined ? undefined : clipScale(g, gradients, clipNorm);
  return Object.fromEntries(
    params.flatMap((param, i) => {
      const gradient = scale === undefined ? gradients[i]! : g.mul(gradients[i]!, scale);
      const names = optimizer.slots.map((slot) => `${param.name}/${slot}`);
      const slots = names.map((name) => g.input(name, "float32", param.shape));
      const weightDecay = optimizer.weightDecay * decayFactor(param);
      const update = optimizer.update(g, { param, gradient, slots, lr, scalars, weightDecay });
      return [
        [next(param.name), update.param] as const,
        ...names.map((name, slot) => [next(name), update.slots[slot]!] as const),
      ];
    }),
  );
}

/** min(1, clipNorm / ‖all gradients‖₂). */
function clipScale(g: Graph, gradients: readonly Value[], clipNorm: number): Value {
  const squares = gradients.map((gradient) => g.reduceSum(g.mul(gradient, gradient)));
  const norm = g.sqrt(squares.reduce((sum, square) => g.add(sum, square)));
  return g.min(1, g.div(clipNorm, g.add(norm, 1e-6)));
}

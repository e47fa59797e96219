import type { Graph, Value } from "../graph/index.ts";

/** The adjoint of broadcasting: sums `gradient` over the axes along which `target` was repeated. */
export function sumTo(g: Graph, gradient: Value, target: Value): Value {
  if (gradient.shape.join() === target.shape.join()) return gradient;
  const extra = gradient.shape.length - target.shape.length;
  const axes = gradient.shape.flatMap((dim, axis) => {
    const own = axis < extra ? 1 : target.shape[axis - extra]!;
    return axis < extra || (own === 1 && dim !== 1) ? [axis] : [];
  });
  return g.reshape(g.reduceSum(gradient, axes), target.shape);
}

import { sizeOf, type Value } from "../../graph/index.ts";
import type { RuleContext, RuleTable } from "../rule.ts";

/** Reshapes a reduced value so that it broadcasts against the reduction's input, whatever keepdims was. */
function kept({ g, inputs, int, attrs }: RuleContext, reduced: Value): Value {
  const shape = inputs[0]!.shape;
  if (int("keepdims", 1) === 1) return reduced;
  const given = inputs[1] ? g.constantInts(inputs[1]) : (attrs.axes as readonly number[] | undefined);
  const axes = new Set(
    (given?.length ? given : [...shape.keys()]).map((axis) => (axis < 0 ? axis + shape.length : axis)),
  );
  return g.reshape(
    reduced,
    shape.map((dim, axis) => (axes.has(axis) ? 1 : dim)),
  );
}

const extremum = (context: RuleContext): readonly (Value | null)[] => {
  const { g, dy, out, inputs } = context;
  const x = inputs[0]!;
  const hit = g.cast(g.equal(x, kept(context, out)), x.dtype);
  const axes = x.shape.flatMap((dim, axis) => (kept(context, out).shape[axis] !== dim ? [axis] : []));
  return [g.mul(kept(context, dy), g.div(hit, g.reduceSum(hit, axes))), null];
};

/** Gradients of reductions and of normalisations along an axis. */
export const reductionRules: RuleTable = {
  ReduceSum: (context) => [context.g.expand(kept(context, context.dy), context.inputs[0]!.shape), null],
  ReduceMean: (context) => {
    const { g, dy, out, inputs } = context;
    const count = sizeOf(inputs[0]!.shape) / sizeOf(out.shape);
    return [g.expand(g.mul(kept(context, dy), 1 / count), inputs[0]!.shape), null];
  },
  ReduceMax: extremum,
  ReduceMin: extremum,
  ReduceLogSumExp: (context) => {
    const { g, dy, out, inputs } = context;
    return [g.mul(kept(context, dy), g.exp(g.sub(inputs[0]!, kept(context, out)))), null];
  },
  Softmax: ({ g, out: p, dy, int }) => [g.mul(p, g.sub(dy, g.reduceSum(g.mul(dy, p), int("axis", -1))))],
  LogSoftmax: ({ g, out, dy, int }) => [g.sub(dy, g.mul(g.exp(out), g.reduceSum(dy, int("axis", -1))))],
  ArgMax: () => [null],
  LayerNormalization: ({ g, dy, inputs: [x, scale, bias], outputs, sumTo, int, attrs }) => {
    const axis = int("axis", -1);
    const axes = x!.shape.map((_, i) => i).slice(axis < 0 ? axis + x!.shape.length : axis);
    // The statistics come in float32 only, and a loaded model may not ask for them.
    const [savedMean, savedInverseStd] = x!.dtype === "float32" ? outputs.slice(1) : [];
    const mean = savedMean ?? g.reduceMean(x!, axes);
    const centredX = g.sub(x!, mean);
    const inverseStd =
      savedInverseStd ??
      g.reciprocal(
        g.sqrt(g.add(g.reduceMean(g.mul(centredX, centredX), axes), Number(attrs.epsilon ?? 1e-5))),
      );
    const normal = g.mul(centredX, inverseStd);
    const d = g.mul(dy, scale!);
    const centred = g.sub(
      g.sub(d, g.reduceMean(d, axes)),
      g.mul(normal, g.reduceMean(g.mul(d, normal), axes)),
    );
    return [g.mul(centred, inverseStd), sumTo(g.mul(dy, normal), scale!), ...(bias ? [sumTo(dy, bias)] : [])];
  },
};

import { convolution } from "./builder/convolution.ts";
import { elementwise } from "./builder/elementwise.ts";
import { linear } from "./builder/linear.ts";
import { lossOps } from "./builder/losses.ts";
import { scalar } from "./builder/operand.ts";
import { reduction } from "./builder/reduction.ts";
import { shaping } from "./builder/shape.ts";
import { createGraphCore, type GraphCore } from "./graph-core.ts";
import type { DType, FloatType, Value } from "./value.ts";

/**
 * A graph under construction. Everything that touches tensors (models, PEFT modules, losses, gradients, optimizers)
 * is written with these functions; shapes and dtypes are checked as the graph grows.
 */
export interface Graph
  extends GraphCore,
    ReturnType<typeof elementwise>,
    ReturnType<typeof linear>,
    ReturnType<typeof convolution>,
    ReturnType<typeof reduction>,
    ReturnType<typeof shaping>,
    ReturnType<typeof lossOps> {
  /** A rank-0 constant of the graph's float type, or of the given one. */
  scalar(value: number, dtype?: DType): Value;
}

/** An empty graph; `floatType` is the precision of its constants, float64 for checking gradients. */
export function createGraph({ floatType = "float32" }: { floatType?: FloatType } = {}): Graph {
  const core = createGraphCore(floatType);
  return Object.assign(
    core,
    elementwise(core),
    linear(core),
    convolution(core),
    reduction(core),
    shaping(core),
    lossOps(core),
    {
      scalar: (value: number, dtype?: DType) => scalar(core, value, dtype),
    },
  );
}

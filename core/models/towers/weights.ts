import type { Shape, Value } from "../../graph/index.ts";

/**
 * Gives a tower its weights by checkpoint name. `view` is the shape the graph uses when it differs from the
 * checkpoint's (same element count, e.g. a convolution read as a matrix).
 */
export type Weights = (name: string, shape: Shape, view?: Shape) => Value;

import type { DType, Graph, Shape, Value } from "../graph/index.ts";
import type { Weights } from "./towers/index.ts";

/** A tensor's bytes in a checkpoint file. */
export interface TensorLocation {
  readonly file: string;
  readonly offset: number;
  readonly length: number;
  readonly dtype: DType;
  readonly shape: Shape;
}

/** Finds a checkpoint's tensors by name; throws when there is none. */
export type LocateTensor = (name: string) => TensorLocation;

/**
 * Weights that are read from the checkpoint file in place and never change; half precision is widened when the
 * session is made. `prefix` keeps several checkpoints apart in one graph.
 */
export function frozenWeights(g: Graph, locate: LocateTensor, prefix = ""): Weights {
  const made = new Map<string, Value>();
  return (name, shape, view = shape) => {
    const key = `${prefix}${name}|${view.join()}`;
    const known = made.get(key);
    if (known) return known;
    const { file, offset, length, dtype } = locate(name);
    const suffix = view === shape ? "" : `|${view.join("x")}`;
    const stored = g.initializer(`${prefix}${name}${suffix}`, dtype, view, {
      kind: "file",
      file,
      offset,
      length,
    });
    const value = g.cast(stored, g.floatType);
    made.set(key, value);
    return value;
  };
}

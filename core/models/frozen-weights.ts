import type { DType, Graph, Initializer, Shape, Value } from "../graph/index.ts";
import type { Device } from "../runtime/index.ts";
import type { Weights } from "./towers/index.ts";

/** A tensor's bytes in a checkpoint file. */
export interface TensorLocation {
  readonly file: string;
  readonly offset: number;
  readonly length: number;
  readonly dtype: DType;
  /** Of the tensor as it is used, also where the file holds it in another form. */
  readonly shape: Shape;
  /** The bytes are the transpose: [n, m] for a `shape` of [m, n]. */
  readonly transposed?: boolean;
  /** Values that were computed when the checkpoint was opened and count instead of the bytes. */
  readonly data?: Float32Array;
}

/** Finds a checkpoint's tensors by name; throws when there is none. */
export type LocateTensor = (name: string) => TensorLocation;

export interface FrozenWeightsOptions {
  /**
   * Matrices stored in float16 stay so in the session's memory, and products with them are computed in float16: half
   * the memory, for devices that compute in it. Not for graphs with a backward pass, whose gradients are too small for
   * float16 without loss scaling. Default false.
   */
  readonly keepHalf?: boolean;
}

/**
 * Weights that are read from the checkpoint file in place and never change; half precision is widened, and a transposed
 * one turned, once, when the session is made. `prefix` keeps several checkpoints apart in one graph.
 */
export function frozenWeights(
  g: Graph,
  locate: LocateTensor,
  prefix = "",
  { keepHalf = false }: FrozenWeightsOptions = {},
): Weights {
  const made = new Map<string, Value>();
  return (name, shape, view = shape) => {
    const key = `${prefix}${name}|${view.join()}`;
    const known = made.get(key);
    if (known) return known;
    const { file, offset, length, dtype, transposed = false, data } = locate(name);
    const suffix = view === shape ? "" : `|${view.join("x")}`;
    const source: Initializer =
      data === undefined ? { kind: "file", file, offset, length } : { kind: "data", data };
    const stored = g.initializer(
      `${prefix}${name}${suffix}`,
      dtype,
      transposed ? shape.toReversed() : view,
      source,
    );
    const turned = transposed ? g.reshape(g.transpose(stored, [1, 0]), view) : stored;
    const kept = keepHalf && dtype === "float16" && isFactor.test(name);
    const value = kept ? turned : g.cast(turned, g.floatType);
    made.set(key, value);
    return value;
  };
}

/** Devices that certainly compute products in float16 (a WebGPU adapter may or may not). */
export const computesHalf = (device: Device = "cpu"): boolean => device === "cuda";

/** Weights that are only ever multiplied with, by `linear`. */
const isFactor = /(_proj|_projection|\.fc[12]|\.patch_embedding)\.weight$/;

import type { Graph, Value } from "../graph/index.ts";
import type { DeclareParam, Init } from "../plugin-api/index.ts";

/** How a parameter starts: by a rule, from these values, or from values that are read when they are needed. */
export type ParamStart = Init | Float32Array | (() => Promise<Float32Array>);

/** A trainable parameter as a graph declares it. */
export interface DeclaredParam {
  readonly name: string;
  readonly value: Value;
  readonly init: ParamStart;
}

/**
 * Collects the trainable parameters of a graph; `prefix` keeps several models apart, `starts` are values to start from
 * instead of what is declared, by name without the prefix.
 */
export function paramCollector(
  g: Graph,
  prefix = "",
  starts: ReadonlyMap<string, Float32Array> = new Map(),
): {
  declare: DeclareParam;
  declareFrom: (name: string, shape: readonly number[], start: ParamStart) => Value;
  params: DeclaredParam[];
} {
  const params: DeclaredParam[] = [];
  const add = (name: string, shape: readonly number[], init: ParamStart): Value => {
    const value = g.input(`${prefix}${name}`, g.floatType, shape);
    params.push({ name: value.name, value, init: starts.get(name) ?? init });
    return value;
  };
  return { declare: add, declareFrom: add, params };
}

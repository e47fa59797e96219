import { ShapeError, UnknownOpError } from "./errors.ts";
import { type InferContext, opTable } from "./ops/index.ts";
import {
  type Attrs,
  type DType,
  type FloatType,
  type Initializer,
  type Node,
  type Shape,
  sizeOf,
  type TensorData,
  type Value,
} from "./value.ts";

/** The growing graph: what the builder functions and the gradient rules append to. */
export interface GraphCore {
  readonly floatType: FloatType;
  /** In executable order: a node's inputs are made before it. */
  readonly nodes: readonly Node[];
  readonly inputs: readonly Value[];
  readonly initializers: ReadonlyMap<Value, Initializer>;
  /** Keeps names from being given to values that have none of their own. */
  reserve(names: Iterable<string>): void;
  /** Declares a value that is fed at run time. */
  input(name: string, dtype: DType, shape: Shape): Value;
  /** Declares a constant tensor by its bytes, in memory or in a file. */
  initializer(name: string, dtype: DType, shape: Shape, source: Initializer): Value;
  /** A small constant; equal constants are shared. */
  constant(data: readonly number[] | TensorData, shape: Shape, dtype?: DType): Value;
  /** Appends an operator and returns its outputs. @throws ShapeError, UnknownOpError */
  emit(op: string, inputs: readonly (Value | null)[], attrs?: Attrs, outputs?: number): Value[];
  /** Integers of a constant made here; undefined when the value is not one. */
  constantInts(value: Value): readonly number[] | undefined;
  /** The node that made a value, if a node did. */
  producer(value: Value): Node | undefined;
}

const arrays: Partial<Record<DType, (values: readonly number[]) => TensorData>> = {
  float32: (values) => Float32Array.from(values),
  float64: (values) => Float64Array.from(values),
  int64: (values) => BigInt64Array.from(values, BigInt),
  int32: (values) => Int32Array.from(values),
  bool: (values) => Uint8Array.from(values),
  uint8: (values) => Uint8Array.from(values),
};

export function createGraphCore(floatType: FloatType): GraphCore {
  const nodes: Node[] = [];
  const inputs: Value[] = [];
  const initializers = new Map<Value, Initializer>();
  const producers = new Map<Value, Node>();
  const names = new Set<string>();
  const reserved = new Set<string>();
  const shared = new Map<string, Value>();

  /** A name that is free; a loaded model may have taken those that are made here. */
  const free = (name: string): string => {
    let own = name;
    for (let i = 2; names.has(own) || reserved.has(own); i++) own = `${name}~${i}`;
    return own;
  };

  const declare = (name: string, dtype: DType, shape: Shape): Value => {
    if (names.has(name)) throw new ShapeError(name, [], "this name is already taken in the graph");
    if (shape.some((dim) => !Number.isInteger(dim) || dim < 0)) {
      throw new ShapeError(name, [{ dtype, shape }], "dimensions must be whole numbers ≥ 0");
    }
    names.add(name);
    return { name, dtype, shape };
  };

  const constantInts = (value: Value): readonly number[] | undefined => {
    const source = initializers.get(value);
    return source?.kind === "data"
      ? Array.from(source.data as ArrayLike<number | bigint>, Number)
      : undefined;
  };

  const core: GraphCore = {
    floatType,
    nodes,
    inputs,
    initializers,
    constantInts,
    producer: (value) => producers.get(value),

    reserve: (taken) => {
      for (const name of taken) reserved.add(name);
    },

    input(name, dtype, shape) {
      const value = declare(name, dtype, shape);
      inputs.push(value);
      return value;
    },

    initializer(name, dtype, shape, source) {
      const value = declare(name, dtype, shape);
      initializers.set(value, source);
      return value;
    },

    constant(data, shape, dtype = floatType) {
      if (data.length !== sizeOf(shape)) {
        throw new ShapeError("constant", [{ dtype, shape }], `got ${data.length} elements`);
      }
      const make = arrays[dtype];
      if (make === undefined)
        throw new ShapeError("constant", [{ dtype, shape }], "make it in float32 and cast it");
      const key =
        data.length <= 16 ? `${dtype}|${shape.join()}|${Array.from(data as ArrayLike<number>).join()}` : "";
      const known = key === "" ? undefined : shared.get(key);
      if (known) return known;
      const bytes = Array.isArray(data) ? make(data as readonly number[]) : (data as TensorData);
      const value = core.initializer(free(`const_${initializers.size}`), dtype, shape, {
        kind: "data",
        data: bytes,
      });
      if (key !== "") shared.set(key, value);
      return value;
    },

    emit(op, given, attrs = {}, outputs = 1) {
      const definition = opTable[op];
      if (definition === undefined) throw new UnknownOpError(op, "shape rule", Object.keys(opTable));
      const context: InferContext = {
        op,
        inputs: given,
        attrs,
        outputs,
        fail: (problem) => {
          throw new ShapeError(op, given, problem);
        },
        input: (index) => given[index] ?? context.fail(`input ${index} is missing`),
        constant: (index) =>
          constantInts(context.input(index)) ??
          context.fail(`input ${index} must be a constant of the graph`),
      };
      for (const name of Object.keys(attrs)) {
        if (definition.attrs?.[name] === undefined) context.fail(`has no attribute "${name}"`);
      }
      const types = definition.infer(context);
      const made = types.map(({ dtype, shape }, i) =>
        declare(free(`${op}_${nodes.length}${i === 0 ? "" : `_${i}`}`), dtype, shape),
      );
      const node: Node = { op, inputs: given, outputs: made, attrs };
      nodes.push(node);
      for (const value of made) producers.set(value, node);
      return made;
    },
  };
  return core;
}

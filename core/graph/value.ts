/** Element types of graph values, by their ONNX names. */
export type DType = "float32" | "float64" | "float16" | "bfloat16" | "int64" | "int32" | "uint8" | "bool";

/** The precision a graph computes in. */
export type FloatType = "float32" | "float64";

/** Sizes of the axes, outermost first; [] is a scalar. */
export type Shape = readonly number[];

/** A tensor in a graph: static shape and dtype, produced by one node, or an input, or an initializer. */
export interface Value {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: Shape;
}

/** Value of an attribute of an ONNX operator. */
export type AttrValue = number | string | readonly number[];
/** Attributes of an operator, by name. */
export type Attrs = Readonly<Record<string, AttrValue>>;

/** One ONNX operator application. An optional input that is left out is null. */
export interface Node {
  readonly op: string;
  readonly inputs: readonly (Value | null)[];
  readonly outputs: readonly Value[];
  readonly attrs: Attrs;
}

/** Elements of a tensor, row-major. float16 and bfloat16 are the bits in a Uint16Array, bool is 0 or 1 in a Uint8Array. */
export type TensorData = Float32Array | Float64Array | BigInt64Array | Int32Array | Uint8Array | Uint16Array;

/** Bytes of an initializer: in memory, or a range of a file that the runtime reads in place. */
export type Initializer =
  | { readonly kind: "data"; readonly data: TensorData }
  | { readonly kind: "file"; readonly file: string; readonly offset: number; readonly length: number };

/** Number of elements of a shape. */
export const sizeOf = (shape: Shape): number => shape.reduce((product, dim) => product * dim, 1);

/** "float32[8,197,768]" */
export const describeValue = (value: Pick<Value, "dtype" | "shape">): string =>
  `${value.dtype}[${value.shape.join(",")}]`;

/** Whether it is one of the floating-point types. */
export const isFloat = (dtype: DType): boolean =>
  dtype === "float32" || dtype === "float64" || dtype === "float16" || dtype === "bfloat16";

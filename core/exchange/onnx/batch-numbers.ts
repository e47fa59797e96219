import { type DType, dtypeCodes, type OnnxNode, type OnnxTensor } from "../../graph/index.ts";

/** What a number can be of n·B, B the batch size and n a whole number, and the operator that makes it of that. */
const FUNCTIONS: readonly { of(size: number): number; inverse(value: number): number; op?: string }[] = [
  { of: (size) => size, inverse: (value) => value },
  { of: (size) => 1 / size, inverse: (value) => 1 / value, op: "Reciprocal" },
  { of: Math.log, inverse: Math.exp, op: "Log" },
];

/** A number of a graph as a function of the batch size: the nodes that compute it, and the scalar that they make. */
export interface BatchNumber {
  readonly name: string;
  readonly nodes: readonly OnnxNode[];
}

/**
 * The scalar that is n·B, 1 / (n·B) or log(n·B) in both builds of a model; undefined for any other.
 * @param sizes B of the two builds
 * @param ints makes a constant, int64 [length], and tells its name
 * @param batchSize the value that holds B, int64 [1]
 */
export function batchNumber(
  own: OnnxTensor,
  other: OnnxTensor,
  sizes: readonly [number, number],
  ints: (values: readonly number[]) => string,
  batchSize: string,
): BatchNumber | undefined {
  const [a, b] = [scalarOf(own), scalarOf(other)];
  if (a === undefined || b === undefined) return undefined;
  const round = a.dtype === "float32" ? Math.fround : (value: number) => value;
  for (const { of, inverse, op } of FUNCTIONS) {
    const times = Math.round(inverse(a.value) / sizes[0]);
    if (times < 1 || a.value !== round(of(times * sizes[0])) || b.value !== round(of(times * sizes[1])))
      continue;
    const size = `batch_size_times_${times}_${a.dtype}`;
    const nodes: OnnxNode[] = [
      { opType: "Mul", input: [batchSize, ints([times])], output: [`${size}_int64`] },
      {
        opType: "Cast",
        input: [`${size}_int64`],
        output: [`${size}_vector`],
        attribute: [{ name: "to", type: INT, i: own.dataType! }],
      },
      { opType: "Reshape", input: [`${size}_vector`, ints([])], output: [size] },
    ];
    if (op === undefined) return { name: size, nodes };
    const name = `${size}_${op.toLowerCase()}`;
    return { name, nodes: [...nodes, { opType: op, input: [size], output: [name] }] };
  }
  return undefined;
}

/** onnx.AttributeProto.AttributeType.INT */
const INT = 2;

/** The value of a scalar float; undefined for another tensor. */
function scalarOf({
  dims,
  dataType,
  rawData,
}: OnnxTensor): { readonly dtype: DType; readonly value: number } | undefined {
  if ((dims ?? []).length > 0 || !rawData) return undefined;
  const view = new DataView(rawData.buffer, rawData.byteOffset, rawData.byteLength);
  if (dataType === dtypeCodes.float32) return { dtype: "float32", value: view.getFloat32(0, true) };
  if (dataType === dtypeCodes.float64) return { dtype: "float64", value: view.getFloat64(0, true) };
  return undefined;
}

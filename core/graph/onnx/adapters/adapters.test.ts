import { InferenceSession, Tensor } from "onnxruntime-node";
import { describe, expect, it } from "vitest";
import { compile } from "../../../runtime/index.ts";
import { encodeModel, OnnxFormatError, parseGraph } from "../../index.ts";
import { onnx } from "../proto.ts";
import { adapters } from "./index.ts";

type Attribute = number | string | readonly number[] | { readonly float: number };

interface Case {
  readonly shape: readonly number[];
  readonly opset: number;
  readonly attrs?: Readonly<Record<string, Attribute>>;
  /** Further inputs: integers, or floats of a shape. */
  readonly ints?: readonly (readonly number[])[];
  readonly floats?: readonly (readonly number[])[];
  readonly outputs?: number;
}

/** By operator: uses of it in which it is written otherwise in a graph. */
const cases: Readonly<Record<string, readonly Case[]>> = {
  Dropout: [{ shape: [2, 3], opset: 11 }],
  Identity: [{ shape: [2, 3], opset: 13 }],
  CastLike: [{ shape: [2, 3], opset: 15, ints: [[1]] }],
  Clip: [
    { shape: [3, 3], opset: 9, attrs: { min: { float: -0.5 }, max: { float: 0.6 } } },
    { shape: [3, 3], opset: 13, floats: [[]] },
  ],
  Gelu: [
    { shape: [2, 3], opset: 20, attrs: { approximate: "tanh" } },
    { shape: [2, 3], opset: 20 },
  ],
  HardSwish: [{ shape: [2, 3], opset: 14 }],
  Mish: [{ shape: [2, 3], opset: 18 }],
  Softsign: [{ shape: [2, 3], opset: 13 }],
  Selu: [{ shape: [2, 3], opset: 13 }],
  PRelu: [{ shape: [2, 3, 2], opset: 13, floats: [[3, 1]] }],
  Sum: [{ shape: [2, 3], opset: 13, floats: [[3], [2, 1]] }],
  Mean: [{ shape: [2, 3], opset: 13, floats: [[3], [2, 1]] }],
  Pow: [{ shape: [2, 3], opset: 15, ints: [[2]] }],
  Softmax: [
    { shape: [2, 3, 4], opset: 11 },
    { shape: [2, 3, 4], opset: 13, attrs: { axis: 1 } },
  ],
  LogSoftmax: [{ shape: [2, 3, 4], opset: 11, attrs: { axis: 1 } }],
  ReduceSum: [
    { shape: [2, 3, 4], opset: 11, attrs: { axes: [1, -1] } },
    { shape: [2, 3], opset: 13, attrs: { noop_with_empty_axes: 1 } },
  ],
  ReduceMean: [{ shape: [2, 3, 4], opset: 13, attrs: { axes: [2], keepdims: 0 } }],
  ReduceMax: [{ shape: [2, 3, 4], opset: 13, attrs: { axes: [0] } }],
  ReduceMin: [{ shape: [2, 3, 4], opset: 18, ints: [[1]] }],
  ReduceLogSumExp: [{ shape: [2, 3], opset: 13 }],
  ReduceL1: [{ shape: [2, 3], opset: 13, attrs: { axes: [1] } }],
  ReduceL2: [{ shape: [2, 3], opset: 18, ints: [[0]] }],
  ReduceSumSquare: [{ shape: [2, 3], opset: 13, attrs: { axes: [1] } }],
  ReduceLogSum: [{ shape: [2, 30], opset: 13, attrs: { axes: [1] } }],
  BatchNormalization: [{ shape: [2, 3, 4], opset: 15, floats: [[3], [3], [3], [3]] }],
  InstanceNormalization: [{ shape: [2, 3, 4], opset: 13, floats: [[3], [3]] }],
  Shape: [{ shape: [2, 3, 4], opset: 15, attrs: { start: 1, end: -1 } }],
  Size: [{ shape: [2, 3], opset: 13 }],
  Flatten: [{ shape: [2, 3, 4], opset: 13, attrs: { axis: 2 } }],
  Squeeze: [
    { shape: [1, 3, 1], opset: 11, attrs: { axes: [-1] } },
    { shape: [1, 3, 1], opset: 13 },
  ],
  Unsqueeze: [
    { shape: [2, 3], opset: 11, attrs: { axes: [0, 3] } },
    { shape: [2, 3], opset: 13, ints: [[-1]] },
  ],
  Split: [
    { shape: [2, 6], opset: 11, attrs: { axis: 1, split: [1, 2, 3] }, outputs: 3 },
    { shape: [2, 7], opset: 18, attrs: { axis: 1, num_outputs: 3 }, outputs: 3 },
  ],
  Slice: [
    { shape: [4, 5], opset: 9, attrs: { starts: [1, -3], ends: [3, 100], axes: [0, 1] } },
    {
      shape: [4, 5],
      opset: 13,
      ints: [
        [-1, 0],
        [-100, 5],
        [1, 0],
        [-2, 1],
      ],
    },
  ],
  Tile: [{ shape: [2, 3], opset: 13, ints: [[2, 3]] }],
  Pad: [
    { shape: [2, 3], opset: 9, attrs: { pads: [0, 1, 1, 0], value: { float: 2 } } },
    { shape: [4, 5], opset: 13, ints: [[1, 0, 2, 1]], attrs: { mode: "reflect" } },
  ],
  Conv: [
    {
      shape: [1, 2, 6, 5],
      opset: 11,
      floats: [[3, 2, 3, 2]],
      attrs: { auto_pad: "SAME_UPPER", strides: [2, 2] },
    },
    {
      shape: [1, 2, 6, 5],
      opset: 11,
      floats: [[3, 2, 3, 2]],
      attrs: { auto_pad: "SAME_LOWER", kernel_shape: [3, 2] },
    },
    { shape: [1, 2, 6, 5], opset: 11, floats: [[3, 2, 3, 2]], attrs: { auto_pad: "VALID" } },
  ],
  ConvTranspose: [
    {
      shape: [1, 2, 4],
      opset: 11,
      floats: [[2, 3, 3]],
      attrs: { strides: [2], pads: [1, 0], output_padding: [1] },
    },
  ],
  MaxPool: [
    { shape: [1, 2, 7, 6], opset: 12, attrs: { kernel_shape: [3, 2], strides: [2, 2], ceil_mode: 1 } },
  ],
  AveragePool: [
    { shape: [1, 2, 7], opset: 11, attrs: { kernel_shape: [3], auto_pad: "SAME_UPPER", strides: [2] } },
  ],
  GlobalAveragePool: [{ shape: [2, 3, 4, 5], opset: 11 }],
  GlobalMaxPool: [{ shape: [2, 3, 4], opset: 11 }],
  DepthToSpace: [
    { shape: [1, 8, 2, 3], opset: 13, attrs: { blocksize: 2 } },
    { shape: [1, 8, 2, 3], opset: 13, attrs: { blocksize: 2, mode: "CRD" } },
  ],
};

const { FLOAT, INT, INTS, STRING } = onnx.AttributeProto.AttributeType;
const attribute = (name: string, value: Attribute) => {
  if (typeof value === "number") return { name, type: INT, i: value };
  if (typeof value === "string") return { name, type: STRING, s: new TextEncoder().encode(value) };
  return "float" in value ? { name, type: FLOAT, f: value.float } : { name, type: INTS, ints: [...value] };
};

const size = (shape: readonly number[]) => shape.reduce((product, dim) => product * dim, 1);
// Positive where it has to be (variances, a logarithm), and nowhere near a kink.
const numbers = (count: number, start: number, positive: boolean) =>
  Float32Array.from({ length: count }, (_, i) => (positive ? 1.2 : 0) + Math.sin(start + 1.7 * i));

function fileOf(
  op: string,
  { shape, opset, attrs = {}, ints = [], floats = [], outputs = 1 }: Case,
): Uint8Array {
  const positive = op === "BatchNormalization";
  const initializer = [
    ...floats.map((dims, at) => ({
      name: `float${at}`,
      dims: [...dims],
      dataType: 1,
      floatData: Array.from(numbers(size(dims), at, positive)),
    })),
    ...ints.map((values, at) => ({
      name: `int${at}`,
      dims: [values.length],
      dataType: 7,
      int64Data: [...values],
    })),
  ];
  const names = Array.from({ length: outputs }, (_, i) => `y${i}`);
  return encodeModel({
    irVersion: 7,
    opsetImport: [{ domain: "", version: opset }],
    graph: {
      name: op,
      node: [
        {
          name: "it",
          opType: op,
          input: ["x", ...initializer.map(({ name }) => name)],
          output: names,
          attribute: Object.entries(attrs).map(([name, value]) => attribute(name, value)),
        },
      ],
      initializer,
      input: [
        {
          name: "x",
          type: { tensorType: { elemType: 1, shape: { dim: shape.map((dimValue) => ({ dimValue })) } } },
        },
      ],
      output: names.map((name) => ({ name, type: { tensorType: { elemType: typeOf(op) } } })),
    },
  });
}

const typeOf = (op: string): number => (["Shape", "Size", "CastLike"].includes(op) ? 7 : 1);

describe("operators of a file that a graph writes otherwise", () => {
  for (const [op, uses] of Object.entries(cases)) {
    it.each(uses)(`${op} computes what onnxruntime makes of the file: %j`, async (use) => {
      const bytes = fileOf(op, use);
      const x = numbers(size(use.shape), 0.3, op === "ReduceLogSum");
      const session = await InferenceSession.create(bytes, { logSeverityLevel: 4 });
      const expected = await session.run({ x: new Tensor("float32", x, use.shape) });
      const { graph, outputs } = parseGraph(bytes);
      const program = await compile(graph, outputs, { threads: 1 });
      const actual = await program.run({ x });
      for (const [name, value] of Object.entries(outputs)) {
        expect(value.shape).toEqual(expected[name]!.dims);
        const [own, its] = [actual[name]!, expected[name]!.data as Float32Array];
        expect(own.length).toBe(its.length);
        for (let i = 0; i < own.length; i++) expect(Number(own[i])).toBeCloseTo(Number(its[i]), 5);
      }
      await Promise.all([session.release(), program.release()]);
    });
  }

  it("has a case for every one", () => {
    // onnxruntime has no kernel for Swish (operator set 24) yet.
    expect(Object.keys(cases).sort()).toEqual(
      Object.keys(adapters)
        .filter((op) => op !== "Swish")
        .sort(),
    );
  });

  it("names the node of what cannot be read", () => {
    const bytes = fileOf("ConvTranspose", {
      ...cases.ConvTranspose![0]!,
      attrs: { output_shape: [9] },
    });
    expect(() => parseGraph(bytes)).toThrowError(OnnxFormatError);
    expect(() => parseGraph(bytes)).toThrowError(/^node "it": ConvTranspose: its padding/);
    expect(() => parseGraph(fileOf("Det", { shape: [2, 2], opset: 13 }))).toThrowError(
      /operator Det of node "it"/,
    );
  });
});

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compile } from "../runtime/index.ts";
import {
  createGraph,
  OnnxFormatError,
  parseGraph,
  ShapeError,
  serializeGraph,
  UnknownOpError,
} from "./index.ts";

describe("shape and dtype checks", () => {
  it("names the operator and the shapes of a product that does not fit", () => {
    const g = createGraph();
    const a = g.input("a", "float32", [2, 3]);
    expect(() => g.matmul(a, a)).toThrowError(
      "MatMul(float32[2,3], float32[2,3]): inner dimensions differ (3 and 2)",
    );
  });

  it("names the operator and the dtypes of operands that differ", () => {
    const g = createGraph();
    const [a, b] = [g.input("a", "float32", [2]), g.input("b", "int64", [2])];
    expect(() => g.add(a, b)).toThrowError("Add(float32[2], int64[2]): inputs must have one dtype");
  });

  it("refuses shapes that do not broadcast, axes out of range, unknown operators and attributes, taken names", () => {
    const g = createGraph();
    const [a, b] = [g.input("a", "float32", [2, 3]), g.input("b", "float32", [4])];
    expect(() => g.mul(a, b)).toThrowError(/Mul.*dimension 1 does not broadcast \(3 and 4\)/);
    expect(() => g.softmax(a, 2)).toThrowError(/Softmax.*axis 2 is out of range for rank 2/);
    expect(() => g.reshape(a, [4])).toThrowError(/cannot reshape to \[4\]/);
    expect(() => g.emit("Einsum", [a])).toThrowError(UnknownOpError);
    expect(() => g.emit("Softmax", [a], { axes: 1 })).toThrowError(/has no attribute "axes"/);
    expect(() => g.input("a", "float32", [1])).toThrowError(ShapeError);
  });

  it("agrees with onnxruntime on the shape of every broadcast", async () => {
    const dims = fc.array(fc.integer({ min: 1, max: 3 }), { maxLength: 3 });
    await fc.assert(
      fc.asyncProperty(dims, dims, async (left, right) => {
        const g = createGraph();
        const [a, b] = [g.input("a", "float32", left), g.input("b", "float32", right)];
        let sum: ReturnType<typeof g.add>;
        try {
          sum = g.add(a, b);
        } catch (error) {
          expect(error).toBeInstanceOf(ShapeError);
          return;
        }
        const program = await compile(g, { sum }, { threads: 1 });
        const size = (shape: readonly number[]) => shape.reduce((x, y) => x * y, 1);
        const out = await program.run({ a: new Float32Array(size(left)), b: new Float32Array(size(right)) });
        expect(out.sum!.length).toBe(size(sum.shape));
        await program.release();
      }),
      { numRuns: 30 },
    );
  });
});

describe("ONNX", () => {
  const build = () => {
    const g = createGraph();
    const x = g.input("x", "float32", [2, 4]);
    const w = g.initializer("w", "float32", [3, 4], {
      kind: "data",
      data: Float32Array.from({ length: 12 }, (_, i) => i / 7),
    });
    const hidden = g.quickGelu(g.linear(x, w));
    const y = g.reduceSum(
      g.layerNorm(hidden, g.constant([1, 2, 3], [3]), g.constant([0, 1, 0], [3])),
      [0, 1],
    );
    return { g, x, y };
  };
  const feed = { x: Float32Array.from([1, -2, 3, 4, 0.5, 6, -7, 8]) };

  it("reads back what it wrote, with the same result", async () => {
    const { g, y } = build();
    const first = await compile(g, { y });
    const parsed = parseGraph(serializeGraph(g, { y }).bytes);
    const second = await compile(parsed.graph, { again: parsed.outputs.y! });
    expect((await second.run(feed)).again).toEqual((await first.run(feed)).y);
    await Promise.all([first.release(), second.release()]);
  });

  it("leaves out what no output depends on", () => {
    const { g, x, y } = build();
    g.exp(x);
    expect(serializeGraph(g, { y }).nodes.map(({ op }) => op)).not.toContain("Exp");
  });

  it("refuses bytes that are no model, and operators it does not know", () => {
    expect(() => parseGraph(Uint8Array.from([1, 2, 3]))).toThrowError(OnnxFormatError);
    const { g, y } = build();
    const bytes = serializeGraph(g, { y }).bytes;
    const renamed = Buffer.from(
      Buffer.from(bytes).toString("latin1").replaceAll("QuickGelu", "QuickGelX"),
      "latin1",
    );
    expect(() => parseGraph(renamed)).toThrowError(/no shape rule for the operator com.microsoft.QuickGelX/);
  });

  it("shares equal small constants", () => {
    const g = createGraph();
    const x = g.input("x", "float32", [2]);
    g.add(g.mul(x, 2), 2);
    expect(g.initializers.size).toBe(1);
  });
});

describe("programs", () => {
  it("say which input is missing or has the wrong size", async () => {
    const g = createGraph();
    const program = await compile(g, { y: g.exp(g.input("x", "float32", [2, 2])) });
    await expect(program.run({})).rejects.toThrowError('the input "x" is missing');
    await expect(program.run({ x: new Float32Array(3) })).rejects.toThrowError(
      '"x" needs float32[2,2], got 3 elements',
    );
    await program.release();
    await expect(program.run({ x: new Float32Array(4) })).rejects.toThrowError("released");
  });

  it("refuse a device that the build lacks, naming those it has", async () => {
    const g = createGraph();
    const y = g.exp(g.input("x", "float32", [2]));
    await expect(compile(g, { y }, { device: "cuda" })).rejects.toThrowError(
      /--device cuda is not available/,
    );
  });
});

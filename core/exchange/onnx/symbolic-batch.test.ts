import { InferenceSession, Tensor } from "onnxruntime-node";
import { describe, expect, it } from "vitest";
import { createGraph, encodeModel, type Graph, modelOf, type Value } from "../../graph/index.ts";
import { withSymbolicBatch } from "./symbolic-batch.ts";

/** A model of x [N, 2, 3]. */
const modelWith = (f: (g: Graph, x: Value, batch: number) => Value) =>
  withSymbolicBatch((batch) => {
    const g = createGraph();
    return modelOf(g, { y: f(g, g.input("x", "float32", [batch, 2, 3]), batch) }).model;
  });

async function run(model: ReturnType<typeof modelWith>, batch: number): Promise<Tensor> {
  const session = await InferenceSession.create(encodeModel(model), { intraOpNumThreads: 1 });
  const x = Float32Array.from({ length: batch * 6 }, (_, i) => i);
  const { y } = await session.run({ x: new Tensor("float32", x, [batch, 2, 3]) });
  await session.release();
  return y!;
}

describe("a symbolic batch dimension", () => {
  it("reshapes, with the batch alone, multiplied, or in two places", async () => {
    const model = modelWith((g, x, n) => {
      const rows = g.reshape(x, [n * 2, 3]);
      const columns = g.reshape(g.transpose(rows, [1, 0]), [3, n, 2]);
      return g.reshape(g.transpose(columns, [1, 2, 0]), [n, 6]);
    });
    for (const batch of [1, 2, 5]) {
      const y = await run(model, batch);
      expect(y.dims).toEqual([batch, 6]);
      expect([...(y.data as Float32Array)]).toEqual([...Array(batch * 6).keys()]);
    }
  });

  it("expands to the batch and to multiples of it", async () => {
    const model = modelWith((g, x, n) => {
      const token = g.constant([10, 20, 30], [1, 1, 3]);
      const doubled = g.expand(g.constant([1], [1, 1]), [2 * n, 3]);
      const both = g.concat([g.expand(token, [n, 1, 3]), x], 1);
      return g.add(both, g.slice(g.reshape(doubled, [n, 2, 3]), 1, 0, 1));
    });
    for (const batch of [1, 3]) {
      const y = await run(model, batch);
      expect(y.dims).toEqual([batch, 3, 3]);
      expect([...(y.data as Float32Array).subarray(0, 6)]).toEqual([11, 21, 31, 1, 2, 3]);
    }
  });

  it("leaves a model without such shapes as it is", async () => {
    const y = await run(
      modelWith((g, x) => g.softmax(x)),
      4,
    );
    expect(y.dims).toEqual([4, 2, 3]);
  });

  it.each<[string, (g: Graph, x: Value, batch: number) => Value, RegExp]>([
    [
      "a constant of the batch's size",
      (g, x, n) => g.add(x, g.constant(new Float32Array(n), [n, 1, 1])),
      /changes a constant of Add/,
    ],
    ["the batch size as a number", (g, x, n) => g.div(x, n), /changes a constant of Div/],
    [
      "a slice that depends on the batch",
      (g, x, n) => g.slice(x, 0, 0, n - 1),
      /changes a constant of Slice/,
    ],
    [
      "a shape that is not in proportion",
      (g, x, n) => g.reshape(g.concat([g.reshape(x, [n * 6]), g.constant([0], [1])], 0), [1, n * 6 + 1]),
      /changes a constant of Reshape/,
    ],
    [
      "other operators for other sizes",
      (g, x, n) => (n > 1010 ? g.exp(x) : x),
      /changes the model's structure/,
    ],
  ])("refuses %s", (_what, f, message) => {
    expect(() =>
      modelWith((g, x, n) => g.reduceSum(f(g, x, n), undefined, { keepDims: false })),
    ).toThrowError(message);
  });

  it("refuses a model without a batch", () => {
    expect(() =>
      withSymbolicBatch(() => {
        const g = createGraph();
        return modelOf(g, { y: g.exp(g.input("x", "float32", [2])) }).model;
      }),
    ).toThrowError(/no input of the model has the batch/);
  });
});

import { describe, expect, it } from "vitest";
import { createGraph } from "../graph/index.ts";
import { adamw, type Optimizer, sgd } from "./optimizers/index.ts";
import { compileTrainStep, NonFiniteLossError } from "./train-step.ts";

const [BATCH, IN, OUT] = [4, 3, 2];
const x = Float32Array.from({ length: BATCH * IN }, (_, i) => Math.sin(i + 1));
const labels = BigInt64Array.from([0n, 1n, 1n, 0n]);
const start = Float32Array.from({ length: OUT * IN }, (_, i) => Math.cos(3 * i) / 2);

/** Softmax regression with one weight matrix, on `batch` rows at a time. */
async function regression(
  optimizer: Optimizer,
  {
    batch = BATCH,
    accumulate = 1,
    clipNorm,
  }: { batch?: number; accumulate?: number; clipNorm?: number } = {},
) {
  const g = createGraph();
  const rows = g.input("x", "float32", [batch, IN]);
  const w = g.input("w", "float32", [OUT, IN]);
  const loss = g.crossEntropy(g.linear(rows, w), g.input("labels", "int64", [batch]));
  return compileTrainStep({
    graph: g,
    loss,
    params: [w],
    values: new Map([["w", Float32Array.from(start)]]),
    optimizer,
    accumulate,
    ...(clipNorm === undefined ? {} : { clipNorm }),
    threads: 1,
  });
}

/** Mean gradient of the same model by hand, in double precision. */
function gradientAt(w: ArrayLike<number>): Float64Array {
  const gradient = new Float64Array(OUT * IN);
  for (let b = 0; b < BATCH; b++) {
    const row = Array.from(x.subarray(b * IN, (b + 1) * IN));
    const z = [0, 1].map((k) => row.reduce((sum, v, i) => sum + v * w[k * IN + i]!, 0));
    const total = z.reduce((sum, v) => sum + Math.exp(v), 0);
    z.forEach((v, k) => {
      const d = Math.exp(v) / total - Number(BigInt(k) === labels[b]);
      row.forEach((value, i) => {
        gradient[k * IN + i]! += (d * value) / BATCH;
      });
    });
  }
  return gradient;
}

const close = (actual: ArrayLike<number>, expected: ArrayLike<number>) => {
  for (let i = 0; i < expected.length; i++) expect(actual[i]).toBeCloseTo(expected[i]!, 6);
};

describe("compileTrainStep", () => {
  it("updates with SGD, momentum and weight decay as PyTorch defines them", async () => {
    const step = await regression(sgd({ momentum: 0.9, weightDecay: 0.01 }));
    let w = Float64Array.from(start);
    let v = new Float64Array(w.length);
    for (let i = 0; i < 4; i++) {
      await step.run([{ x, labels }], { step: i, lr: 0.3 });
      const gradient = gradientAt(w);
      v = v.map((velocity, j) => 0.9 * velocity + gradient[j]! + 0.01 * w[j]!);
      w = w.map((value, j) => value - 0.3 * v[j]!);
      close(step.state.params.get("w")!, w);
    }
    await step.release();
  });

  it("updates with AdamW as PyTorch defines it", async () => {
    const step = await regression(adamw({ weightDecay: 0.1 }));
    let w = Float64Array.from(start);
    let [m, s] = [new Float64Array(w.length), new Float64Array(w.length)];
    for (let t = 1; t <= 4; t++) {
      await step.run([{ x, labels }], { step: t - 1, lr: 0.05 });
      const gradient = gradientAt(w);
      m = m.map((value, j) => 0.9 * value + 0.1 * gradient[j]!);
      s = s.map((value, j) => 0.999 * value + 0.001 * gradient[j]! ** 2);
      w = w.map((value, j) => {
        const update = m[j]! / (1 - 0.9 ** t) / (Math.sqrt(s[j]! / (1 - 0.999 ** t)) + 1e-8);
        return value - 0.05 * (update + 0.1 * value);
      });
      close(step.state.params.get("w")!, w);
    }
    await step.release();
  });

  it("gives the same step from two micro-batches as from one batch", async () => {
    const whole = await regression(sgd());
    const parts = await regression(sgd(), { batch: 2, accumulate: 2 });
    const halves = [0, 1].map((half) => ({
      x: x.slice(half * 2 * IN, (half + 1) * 2 * IN),
      labels: labels.slice(half * 2, half * 2 + 2),
    }));
    for (let i = 0; i < 3; i++) {
      const one = await whole.run([{ x, labels }], { step: i, lr: 0.2 });
      expect(await parts.run(halves, { step: i, lr: 0.2 })).toBeCloseTo(one, 6);
      close(parts.state.params.get("w")!, whole.state.params.get("w")!);
    }
    await Promise.all([whole.release(), parts.release()]);
  });

  it("scales gradients down to the given norm", async () => {
    const step = await regression(sgd({ momentum: 0, weightDecay: 0 }), { clipNorm: 0.01 });
    await step.run([{ x, labels }], { step: 0, lr: 1 });
    const moved = step.state.params.get("w")!.map((value, i) => value - start[i]!);
    expect(Math.hypot(...moved)).toBeCloseTo(0.01, 5);
    await step.release();
  });

  it("refuses a loss that is not finite and leaves the parameters as they were", async () => {
    const step = await regression(sgd());
    const broken = x.map((value, i) => (i === 5 ? Number.NaN : value));
    await expect(step.run([{ x: broken, labels }], { step: 7, lr: 0.1 })).rejects.toThrowError(
      NonFiniteLossError,
    );
    await expect(step.run([{ x: broken, labels }], { step: 7, lr: 0.1 })).rejects.toThrowError(
      /loss is NaN at step 7/,
    );
    expect(step.state.params.get("w")).toEqual(start);
    await step.release();
  });
});

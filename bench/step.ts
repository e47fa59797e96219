import { writeFileSync } from "node:fs";
import { availableParallelism, cpus } from "node:os";
import { parseArgs } from "node:util";
import { createGraph, matrixProductFlops } from "../core/graph/index.ts";
import { classifier } from "../core/models/classifier.ts";
import { frozenWeights } from "../core/models/frozen-weights.ts";
import { compile } from "../core/runtime/index.ts";
import { sgd } from "../core/training/optimizers/index.ts";
import { initParams } from "../core/training/params.ts";
import { uniformFrom } from "../core/training/random.ts";
import { compileTrainStep } from "../core/training/train-step.ts";
import { plugin as adaptformer } from "../plugins/peft/adaptformer/index.ts";
import { randomTower } from "../test/support/random-tower.ts";
import { median } from "./median.ts";
import { vitB16 } from "./vit-b16.ts";

const { values: args } = parseArgs({
  options: {
    json: { type: "string" },
    batch: { type: "string", default: "8" },
    classes: { type: "string", default: "1000" },
    repeats: { type: "string", default: "7" },
    threads: { type: "string", default: String(availableParallelism()) },
    profile: { type: "string" },
    "low-memory": { type: "boolean", default: false },
    recompute: { type: "boolean", default: false },
  },
});
const [batch, classes, repeats, threads] = [args.batch, args.classes, args.repeats, args.threads].map(
  Number,
) as [number, number, number, number];

/**
 * The machine's matrix-product rate by the same runtime, on the block's two largest products in turn: FLOP per second.
 * Chained in one graph with a small output, so that no copy of a result to JavaScript is counted.
 */
async function matrixProduct() {
  const g = createGraph();
  const [m, k, n, pairs] = [batch * 197, vitB16.width, vitB16.mlpWidth, 4];
  const uniform = uniformFrom(1, "matrix");
  const random = (size: number) => Float32Array.from({ length: size }, () => (uniform() - 0.5) * 0.05);
  let x = g.input("x", "float32", [m, k]);
  for (let i = 0; i < pairs; i++) {
    x = g.linear(g.linear(x, g.constant(random(k * n), [n, k])), g.constant(random(k * n), [k, n]));
  }
  const corner = g.slice(x, 0, 0, 1);
  const flops = matrixProductFlops(g, [corner]);
  const program = await compile(g, { corner }, { threads });
  const input = random(m * k);
  return {
    async rate(times: number) {
      const started = performance.now();
      for (let i = 0; i < times; i++) await program.run({ x: input });
      return (flops * times * 1000) / (performance.now() - started);
    },
    release: () => program.release(),
  };
}

const checkpoint = await randomTower(vitB16);
const product = await matrixProduct();
const g = createGraph();
const pixels = g.input("pixels", "float32", [batch, 3, 224, 224]);
const labels = g.input("labels", "int64", [batch]);
const uniform = uniformFrom(2, "bench");
const model = classifier(g, pixels, {
  shape: vitB16,
  weights: frozenWeights(g, checkpoint.locate),
  classes,
  peft: [{ plugin: adaptformer, options: {} }],
  headInit: Float32Array.from({ length: classes * vitB16.width }, uniform),
  headScale: 25,
});
const loss = g.crossEntropy(model.logits, labels);
const forward = await compile(
  g,
  { "forward.logits": model.logits },
  { threads, lowMemory: args["low-memory"] },
);
const forwardFlops = matrixProductFlops(g, [model.logits]);
const params = model.params.map(({ value }) => value);
const before = process.memoryUsage().rss;
const opened = performance.now();
const step = await compileTrainStep({
  graph: g,
  loss,
  params,
  values: await initParams(
    model.params.map(({ name, value, init }) => ({ name, shape: value.shape, init })),
    0,
  ),
  optimizer: sgd(),
  recompute: args.recompute,
  threads,
  lowMemory: args["low-memory"],
  ...(args.profile === undefined ? {} : { profile: args.profile }),
});
const openSeconds = (performance.now() - opened) / 1000;
const stepFlops = step.flops;

const feeds = {
  pixels: Float32Array.from({ length: batch * 3 * 224 * 224 }, () => uniform() - 0.5),
  labels: BigInt64Array.from({ length: batch }, (_, i) => BigInt(i % classes)),
};
const rates: number[] = [];
const stepSeconds: number[] = [];
const forwardSeconds: number[] = [];
const initial = Object.fromEntries(step.state.params);
const timed = async (list: number[] | undefined, run: () => Promise<unknown>) => {
  const started = performance.now();
  await run();
  list?.push((performance.now() - started) / 1000);
};
// Interleaved, so that a machine whose speed drifts changes all of them alike. The first round warms up.
for (let i = 0; i <= repeats; i++) {
  const warm = i > 0;
  const rate = await product.rate(4);
  if (warm) rates.push(rate);
  await timed(warm ? stepSeconds : undefined, () => step.run([feeds], { step: i, lr: 0.01 }));
  await timed(warm ? forwardSeconds : undefined, () => forward.run({ ...feeds, ...initial }));
}
if (args.profile !== undefined) step.endProfiling();

const rate = median(rates);
const seconds = median(stepSeconds);
const result = {
  machine: { cpu: cpus()[0]?.model.trim(), cores: availableParallelism(), node: process.version },
  setting: { model: "ViT-B/16", peft: "adaptformer", batch, classes, threads, repeats, dtype: "float32" },
  matrixProductGflops: rate / 1e9,
  step: {
    seconds,
    min: Math.min(...stepSeconds),
    max: Math.max(...stepSeconds),
    gflop: stepFlops / 1e9,
    gflops: stepFlops / seconds / 1e9,
    shareOfMatrixProductRate: median(stepSeconds.map((s, i) => stepFlops / s / rates[i]!)),
    imagesPerSecond: batch / seconds,
  },
  forward: {
    seconds: median(forwardSeconds),
    gflop: forwardFlops / 1e9,
    shareOfMatrixProductRate: median(forwardSeconds.map((s, i) => forwardFlops / s / rates[i]!)),
  },
  openSeconds,
  trainableParameters: params.reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0),
  peakMemoryMiB: process.resourceUsage().maxRSS / 1024,
  sessionMemoryMiB: (process.memoryUsage().rss - before) / 2 ** 20,
};
await Promise.all([product.release(), step.release(), forward.release()]);
await checkpoint.remove();

const f = (value: number, digits = 1) => value.toFixed(digits);
console.log(`${result.machine.cpu}, ${threads} threads, Node ${process.version}`);
console.log(
  `matrix product          ${f(rate / 1e9)} GFLOP/s (2MNK, ${batch * 197}×768×3072 and back, median of ${repeats})`,
);
console.log(
  `training step, batch ${batch} ${f(seconds * 1000, 0)} ms (${f(result.step.min * 1000, 0)}–${f(result.step.max * 1000, 0)}), ${f(result.step.gflop)} GFLOP, ${f(result.step.gflops)} GFLOP/s = ${f(result.step.shareOfMatrixProductRate, 2)} of the matrix-product rate, ${f(result.step.imagesPerSecond)} images/s`,
);
console.log(
  `forward alone           ${f(result.forward.seconds * 1000, 0)} ms = ${f(result.forward.shareOfMatrixProductRate, 2)} of the rate`,
);
console.log(
  `opening the step        ${f(openSeconds, 2)} s; peak memory of the process ${f(result.peakMemoryMiB, 0)} MiB`,
);
if (args.json !== undefined) writeFileSync(args.json, `${JSON.stringify(result, null, 2)}\n`);

/** One training step: `step.ts <adaptformer|lora> <batch> <classes> <threads> [recompute]`. */
import { createGraph } from "../../core/graph/index.ts";
import { classifier } from "../../core/models/classifier.ts";
import { frozenWeights } from "../../core/models/frozen-weights.ts";
import { sgd } from "../../core/training/optimizers/index.ts";
import { initParams } from "../../core/training/params.ts";
import { uniformFrom } from "../../core/training/random.ts";
import { compileTrainStep } from "../../core/training/train-step.ts";
import { plugin as adaptformer } from "../../plugins/peft/adaptformer/index.ts";
import { plugin as lora } from "../../plugins/peft/lora/index.ts";
import { towerFile } from "../tower-file.ts";
import { vitB16 } from "../vit-b16.ts";
import { serve } from "./protocol.ts";

const [method, batchText, classesText, threadsText, mode] = process.argv.slice(2);
const [batch, classes, threads] = [batchText, classesText, threadsText].map(Number) as [number, number, number];
const methods = {
  adaptformer: { plugin: adaptformer, options: {} },
  lora: { plugin: lora, options: { rank: 4, alpha: 1, mlp: false } },
} as const;

await serve(async () => {
  const locate = await towerFile(process.env.DUALTAIL_BENCH_TOWER!);
  const g = createGraph();
  const pixels = g.input("pixels", "float32", [batch, 3, vitB16.imageSize, vitB16.imageSize]);
  const labels = g.input("labels", "int64", [batch]);
  const uniform = uniformFrom(2, "bench");
  const model = classifier(g, pixels, {
    shape: vitB16,
    weights: frozenWeights(g, locate),
    classes,
    peft: [methods[method as keyof typeof methods]] as never,
    headInit: Float32Array.from({ length: classes * vitB16.width }, uniform),
    headScale: 25,
  } as never);
  const step = await compileTrainStep({
    graph: g,
    loss: g.crossEntropy(model.logits, labels),
    params: model.params.map(({ value }) => value),
    values: await initParams(
      model.params.map(({ name, value, init }) => ({ name, shape: value.shape, init })),
      0,
    ),
    optimizer: sgd(),
    threads,
    recompute: mode === "recompute",
    lowMemory: mode === "low-memory",
  });
  const feeds = {
    pixels: Float32Array.from({ length: batch * 3 * vitB16.imageSize ** 2 }, () => uniform() - 0.5),
    labels: BigInt64Array.from({ length: batch }, (_, i) => BigInt(i % classes)),
  };
  let at = 0;
  return {
    facts: { gflop: step.flops / 1e9 },
    run: async () => void (await step.run([feeds], { step: at++, lr: 0.01 })),
  };
});

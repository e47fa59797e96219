import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { afterAll, describe, expect, it } from "vitest";
import { ANY_ONNX, anyOnnxGolden, feedsOf } from "../../test/support/any-onnx-golden.ts";
import { expectParity } from "../../test/support/parity.ts";
import {
  addHead,
  createGraph,
  createTrainer,
  injectLora,
  loadOnnx,
  type ModelLoss,
  markTrainable,
  serializeGraph,
  sgd,
  type TrainableModel,
} from "./index.ts";

const folder = mkdtempSync(join(tmpdir(), "onnx-training-"));
afterAll(() => rmSync(folder, { recursive: true }));

const { batch, classes, cases } = anyOnnxGolden;
const load = (name: string) => loadOnnx(`${ANY_ONNX}/${name}.onnx`, { dims: { batch } });
const lossOver =
  (output: string): ModelLoss =>
  (g, outputs) =>
    g.crossEntropy(outputs[output]!, g.input("labels", "int64", [batch]));
const trainerOf = (model: TrainableModel, output = "logits") =>
  createTrainer({ model, loss: lossOver(output), optimizer: sgd({ weightDecay: 0 }), lr: 0.1, threads: 1 });

/** What onnxruntime itself computes with a file that was written. */
async function runFile(file: string, name: string, output = "logits"): Promise<Float32Array> {
  const { x } = feedsOf(cases[name]!);
  const session = await InferenceSession.create(file, { logSeverityLevel: 4 });
  const type = x instanceof BigInt64Array ? "int64" : "float32";
  const results = await session.run({
    x: new Tensor(type as "float32", x as Float32Array, cases[name]!.shape),
  });
  await session.release();
  return results[output]!.data as Float32Array;
}

describe("low-rank updates of a model from elsewhere", () => {
  it("start as the model, train, and are merged into the file that is saved", async () => {
    const name = "text-14";
    const model = injectLora(await load(name), {
      match: /layers\.\d\/(qkv|fc1)\/MatMul|classifier/,
      rank: 2,
      alpha: 4,
    });
    expect(
      model.lora.map(({ node, inWidth, outWidth, outFirst }) => [node, inWidth, outWidth, outFirst]),
    ).toEqual([
      ["/layers.0/qkv/MatMul", 16, 48, false],
      ["/layers.0/fc1/MatMul", 16, 32, false],
      ["/layers.1/qkv/MatMul", 16, 48, false],
      ["/layers.1/fc1/MatMul", 16, 32, false],
      ["/classifier/Gemm", 16, 4, true],
    ]);
    const trainer = await trainerOf(model);
    const feeds = feedsOf(cases[name]!);
    const before = await trainer.predict(feeds);
    expectParity({
      module: "LoRA before training",
      what: "outputs",
      reference: "the model's file",
      actual: before.logits as Float32Array,
      expected: await runFile(`${ANY_ONNX}/${name}.onnx`, name),
      tolerance: 1e-5,
    });
    const first = await trainer.step(feeds);
    for (let i = 0; i < 8; i++) await trainer.step(feeds);
    expect(await trainer.step(feeds)).toBeLessThan(first - 0.05);
    expect(trainer.steps).toBe(10);

    const file = join(folder, "merged.onnx");
    await trainer.save(file);
    const after = await trainer.predict(feeds);
    expectParity({
      module: "LoRA merged",
      what: "outputs",
      reference: "the updates apart",
      actual: await runFile(file, name),
      expected: after.logits as Float32Array,
      tolerance: 1e-5,
    });
    // The file is read again as a model, with its open dimension still open.
    const again = await loadOnnx(file, { dims: { batch: 3 } });
    expect(again.outputs.logits).toBe(`float32[3,${classes}]`);

    const saved = join(folder, "lora.safetensors");
    await trainer.saveParameters(saved);
    const other = await trainerOf(model);
    await other.loadParameters(saved);
    expect((await other.predict(feeds)).logits).toEqual(after.logits);
    await Promise.all([trainer.release(), other.release()]);
  });

  it("list what there is when nothing matches, and are not put on what is trained already", async () => {
    const model = await load("text-14");
    expect(() => injectLora(model, { match: /attention/, rank: 4 })).toThrowError(
      expect.objectContaining({ oneLine: expect.stringContaining("/layers.0/qkv/MatMul (onnx::MatMul_") }),
    );
    const trained = markTrainable(model, "classifier.weight");
    expect(() => injectLora(trained, { match: /classifier/, rank: 4 })).toThrowError(/trained already/);
    // The other way round, too: saving would keep one of the two.
    const updated = injectLora(model, { match: /classifier/, rank: 4 });
    expect(() => markTrainable(updated, /^classifier\./)).toThrowError(
      expect.objectContaining({
        oneLine:
          'the weight "classifier.weight" is trained already — train a weight itself, or a low-rank update of it',
      }),
    );
    expect(markTrainable(updated, "classifier.bias").trainable).toEqual(new Set(["classifier.bias"]));
  });
});

describe("a new head", () => {
  it("is trained with chosen weights and saved at the end of the file, for batches of any size", async () => {
    const model = await load("cnn-13");
    const features = model.parsed.nodes.at(-1)!.inputNames[0]!;
    const tuned = addHead(markTrainable(model, /^fc\./), { from: features, classes: 3, output: "other" });
    const trainer = await trainerOf(tuned, "other");
    const feeds = { x: feedsOf(cases["cnn-13"]!).x, labels: BigInt64Array.from([0, 1, 2, 0, 1, 2], BigInt) };
    expect(await trainer.step(feeds)).toBeCloseTo(Math.log(3), 5);
    await trainer.step(feeds);
    const file = join(folder, "head.onnx");
    await trainer.save(file);
    const { other } = await trainer.predict(feeds);
    expectParity({
      module: "new head",
      what: "outputs",
      reference: "the saved file",
      actual: await runFile(file, "cnn-13", "other"),
      expected: other as Float32Array,
      tolerance: 1e-5,
    });
    const one = await trainer.predict(
      { x: feeds.x.slice(0, feeds.x.length / batch) },
      { dims: { batch: 1 } },
    );
    expectParity({
      module: "new head",
      what: "outputs of a batch of 1",
      reference: "the batch",
      actual: one.other as Float32Array,
      expected: (other as Float32Array).slice(0, 3),
      tolerance: 1e-5,
    });
    await trainer.release();
  });

  it("says which tensors it can be put on", async () => {
    const model = await load("mlp-11");
    expect(() => addHead(model, { from: "features", classes: 3 })).toThrowError(
      /"features" is not in the model/,
    );
  });
});

describe("a model that cannot be trained as asked", () => {
  it("names the open dimension, and the weights there are", async () => {
    await expect(loadOnnx(`${ANY_ONNX}/mlp-11.onnx`)).rejects.toThrowError(/open dimension "batch"/);
    const model = await load("mlp-11");
    expect(() => markTrainable(model, /head/)).toThrowError(
      expect.objectContaining({ oneLine: expect.stringContaining("fc1.weight, fc1.bias") }),
    );
    await expect(trainerOf(model)).rejects.toThrowError("nothing of the model is trained");
  });

  it("says that a file beside the model is missing", async () => {
    const bytes = readFileSync(`${ANY_ONNX}/mlp-20.onnx`);
    await expect(loadOnnx(bytes, { dims: { batch }, folder })).rejects.toThrowError(
      /mlp-20\.onnx\.data: cannot be opened/,
    );
  });

  it("names the node through which no gradient flows, and allows it where none has to", async () => {
    const g = createGraph();
    const x = g.input("x", "float32", [batch, 3]);
    const weight = (name: string) =>
      g.initializer(name, "float32", [3, 3], {
        kind: "data",
        data: Float32Array.from([1, 2, 3, 4, 5, 6, 7, 8, 0]),
      });
    const padded = g.emit("Pad", [g.matmul(x, weight("first")), g.constant([0, 1, 0, 0], [4], "int64")], {
      mode: "reflect",
    })[0]!;
    const y = g.matmul(g.slice(padded, 1, 0, 3), weight("second"));
    const model = await loadOnnx(serializeGraph(g, { logits: y }).bytes);
    await expect(trainerOf(markTrainable(model, "first"))).rejects.toThrowError(
      /^node "Pad_\d+": Pad has no gradient.*of mode reflect/,
    );
    const trainer = await trainerOf(markTrainable(model, "second"));
    const feeds = {
      x: Float32Array.from({ length: 3 * batch }, (_, i) => Math.sin(i)),
      labels: new BigInt64Array(batch),
    };
    const first = await trainer.step(feeds);
    expect(await trainer.step(feeds)).toBeLessThan(first);
    await trainer.release();
  });

  it("whose other outputs onnxruntime cannot compute is released all the same", async () => {
    const g = createGraph();
    const x = g.input("x", "float32", [batch, 3]);
    const data = Float32Array.from([1, 2, 3, 4, 5, 6, 7, 8, 0]);
    const logits = g.matmul(x, g.initializer("weight", "float32", [3, 3], { kind: "data", data }));
    // No kernel for float64; a step does not need it, a prediction does.
    const other = g.emit("Erf", [g.cast(logits, "float64")])[0]!;
    const model = await loadOnnx(serializeGraph(g, { logits, other }).bytes);
    const trainer = await trainerOf(markTrainable(model, "weight"));
    const feeds = { x: new Float32Array(3 * batch).fill(1), labels: new BigInt64Array(batch) };
    await trainer.step(feeds);
    // Asked again it is compiled again: the failure is not kept.
    for (let i = 0; i < 2; i++)
      await expect(trainer.predict({ x: feeds.x })).rejects.toThrow(/implementation for Erf/);
    await trainer.release();
    await expect(trainer.step(feeds)).rejects.toThrow();
  });
});

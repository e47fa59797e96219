import { readFile, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import type { onnx as OnnxNamespace } from "onnx-proto";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { beforeAll, describe, expect, it } from "vitest";
import { dualtail } from "../../../test/support/cli.ts";
import { relativeError } from "../../../test/support/parity.ts";
import { temporaryFolder } from "../../../test/support/temporary-folder.ts";
import { exitCodeOf, failureLines } from "../../cli/failure.ts";
import { createProgram } from "../../cli/program.ts";
import { evaluateLoss, listLosses } from "../../losses/index.ts";
import { defineLoss } from "../../plugin-api/index.ts";
import { encodeLoss, type LossExportOptions } from "./export-loss.ts";

const { onnx } = createRequire(import.meta.url)("onnx-proto") as { onnx: typeof OnnxNamespace };

let losses: Awaited<ReturnType<typeof listLosses>>;
beforeAll(async () => {
  losses = await listLosses();
});
const findLoss = (name: string) => losses.find((plugin) => plugin.name === name)!;
const encode = async (name: string, settings: LossExportOptions, options = {}) =>
  encodeLoss(findLoss(name), options, settings);
const opened = (bytes: Uint8Array) => InferenceSession.create(bytes, { intraOpNumThreads: 1 });
const floats = (length: number, seed: number) =>
  Float32Array.from({ length }, (_, i) => 3 * Math.sin(2.3 * i + seed));
const int64 = (values: readonly number[]) =>
  new Tensor("int64", BigInt64Array.from(values, BigInt), [values.length]);

/** The command line without a process of its own. */
async function inProcess(args: readonly string[], cwd: string) {
  const printed: string[] = [];
  let code = -1;
  const host = {
    env: {},
    cwd,
    isTerminal: false,
    print: (text: string) => printed.push(text),
    complain: () => {},
    signal: new AbortController().signal,
    reporter: () => {
      throw new Error("there is nothing to remark");
    },
  };
  try {
    await createProgram(host, (given) => {
      code = given;
    }).parseAsync(["node", "dualtail", ...args]);
    return { code, stdout: printed.join("\n"), error: "" };
  } catch (error) {
    return { code: exitCodeOf(error), stdout: "", error: failureLines(error, { debug: false }).join("\n") };
  }
}

describe("export-loss", () => {
  it("writes the joint form of backdoor over three models, by the command of the documentation", async () => {
    const folder = await temporaryFolder();
    const command = "export-loss backdoor --classes 1000 --models 3 -o loss.onnx";
    const { code, stdout, stderr } = await dualtail(command.split(" "), folder);
    expect(code, stderr).toBe(0);
    expect(stderr).toMatch(/backdoor: mode is joint: with post-hoc the loss is made after training/);
    const { file, ...description } = JSON.parse(stdout);
    expect(description).toMatchObject({ loss: "backdoor", over: "models", classes: 1000, models: 3 });
    const bytes = await readFile(file);
    const proto = onnx.ModelProto.decode(bytes);
    expect(proto.opsetImport.map(({ domain }) => domain)).toEqual([""]);
    expect(proto.graph!.node!.filter(({ domain }) => domain)).toEqual([]);
    expect(JSON.parse(proto.metadataProps[0]!.value!)).toEqual(description);
    const shapes = [...proto.graph!.input!, ...proto.graph!.output!].map(({ name, type }) => [
      name,
      ...type!.tensorType!.shape!.dim!.map(({ dimParam, dimValue }) => dimParam || Number(dimValue)),
    ]);
    expect(shapes).toEqual([
      ...["logits_0", "logits_1", "logits_2"].map((name) => [name, "batch", 1000]),
      ["labels", "batch"],
      ["class_prior", 1000],
      ["loss"],
      ...["grad_logits_0", "grad_logits_1", "grad_logits_2"].map((name) => [name, "batch", 1000]),
    ]);
  });

  it("takes options, counts and weights from the command line, and says what is wrong with them", async () => {
    const folder = await temporaryFolder();
    const run = (line: string) => inProcess(`export-loss ${line} -o out.onnx`.split(" "), folder);
    await writeFile(join(folder, "counts.json"), "[30, 10, 1]");
    await writeFile(join(folder, "bad.json"), "[30, -1, 1]");
    const made = await run("ldam --classes 3 --option maxMargin=0.25 --counts counts.json --head-scale 10");
    expect(JSON.parse(made.stdout)).toMatchObject({
      options: { maxMargin: 0.25 },
      classCounts: [30, 10, 1],
      headScale: 10,
      inputs: [{ name: "logits" }, { name: "labels" }],
    });
    for (const [line, code, message] of [
      ["ldam --classes 3", 1, /ldam is worked out of the training images per class — .*--counts/],
      ["la --classes 3 --option tua=1", 2, /--option tua: unknown property "tua" — did you mean "tau"\?/],
      ["la --classes 3 --option tau=1 --option tau=2", 2, /--option tau is given twice/],
      ["ldam --classes 3 --counts bad.json", 2, /bad\.json: \/1: must be a number of images/],
      ["ldam --classes 3 --counts none.json", 1, /none\.json: cannot be read \(ENOENT\)/],
    ] as const) {
      const failed = await run(line);
      expect([failed.code, failed.error], line).toEqual([code, expect.stringMatching(message)]);
    }
  });

  it("works for as many classes as the batch size that it was built with", async () => {
    const classes = 1009;
    const { bytes } = await encode("la", { classes });
    const session = await opened(bytes);
    const [logits, labels] = [floats(2 * classes, 0), [5, 1008]];
    const classCounts = Array.from({ length: classes }, (_, k) => 1 + (k % 7));
    const total = classCounts.reduce((sum, count) => sum + count, 0);
    const out = await session.run({
      logits: new Tensor("float32", logits, [2, classes]),
      labels: int64(labels),
      class_prior: new Tensor(
        "float32",
        Float32Array.from(classCounts, (count) => count / total),
        [classes],
      ),
    });
    await session.release();
    const expected = await evaluateLoss(findLoss("la"), {}, { logits, labels, classCounts });
    expect(relativeError(out.grad_logits!.data as Float32Array, expected.gradients[0]!)).toBeLessThan(1e-6);
  });

  it("divides by as many numbers as the batch has, also where the mean is over classes too", async () => {
    const plugin = defineLoss<Record<string, never>>({
      name: "mean",
      summary: "for tests",
      options: { type: "object", properties: {}, additionalProperties: false },
      build: (g, { logits }) => g.reduceMean(g.mul(logits, logits)),
    });
    const session = await opened(encodeLoss(plugin, {}, { classes: 4 }).bytes);
    for (const batch of [1, 3]) {
      const logits = floats(batch * 4, 1);
      const out = await session.run({ logits: new Tensor("float32", logits, [batch, 4]) });
      const expected = logits.map((z) => (2 * z) / (batch * 4));
      expect(relativeError(out.grad_logits!.data as Float32Array, expected)).toBeLessThan(1e-6);
    }
    await session.release();
  });

  it("exports predictions, also of what is made after training", async () => {
    const { bytes, description } = await encode("backdoor", {
      classes: 3,
      models: 2,
      prediction: true,
      weights: [3, 1],
    });
    expect(description).toMatchObject({
      kind: "prediction",
      over: "models after training",
      weights: [0.75, 0.25],
    });
    const session = await opened(bytes);
    const models = [floats(6, 0), floats(6, 1)];
    const out = await session.run(
      Object.fromEntries(models.map((z, m) => [`logits_${m}`, new Tensor("float32", z, [2, 3])])),
    );
    await session.release();
    const softmax = (z: Float32Array) => {
      const total = z.reduce((sum, v) => sum + Math.exp(v), 0);
      return [...z].map((v) => Math.exp(v) / total);
    };
    const expected = [0, 1].flatMap((b) => {
      const [p, q] = models.map((z) => softmax(z.subarray(3 * b, 3 * b + 3)));
      return p!.map((value, k) => 0.75 * value + 0.25 * q![k]!);
    });
    expect(relativeError(out.probabilities!.data as Float32Array, expected)).toBeLessThan(1e-6);
    const gla = await encode("gla", { classes: 3, prediction: true });
    expect(gla.description.inputs.map(({ name }) => name)).toEqual(["logits", "zero_shot", "pretrain_prior"]);
  });

  it.each<[string, LossExportOptions, RegExp]>([
    ["gla", { classes: 3 }, /gla has no loss of its own/],
    ["la", { classes: 3, models: 2 }, /the loss la is over one model/],
    ["cb", { classes: 3 }, /cb is worked out of the training images per class/],
    ["cb", { classes: 3, classCounts: [1, 2] }, /2 class counts for 3 classes/],
    ["cb", { classes: 3, classCounts: [1, 2, 0] }, /1 of 3 classes have no training image/],
    ["backdoor", { classes: 3, models: 2, weights: [1] }, /1 weights for 2 models/],
    ["ce", { classes: 1 }, /a loss needs at least 2/],
  ])("refuses %s with %o", async (name, settings, message) => {
    await expect(encode(name, settings)).rejects.toThrow(message);
  });
});

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type TempFolder, tempFolder } from "../../test/support/plugin-folder.ts";
import { createContainer, resolve } from "../container/index.ts";
import {
  defineBackbone,
  defineDataset,
  defineLoss,
  definePeft,
  defineStrata,
  defineStrataLoss,
  type Graph,
  type JsonSchema,
  type LossInputs,
  type LossRecipe,
  type Plugin,
  type Split,
  type Value,
} from "../plugin-api/index.ts";
import { checkPlugin, checkSource, describeReport } from "./index.ts";

const none: JsonSchema = { type: "object", properties: {}, additionalProperties: false };
const about = { name: "broken", summary: "Broken on purpose", options: none };

/** What fails, by the names of the checks, and how it is told. */
async function failures(plugin: Plugin) {
  const report = await checkPlugin(plugin, { cost: false });
  const failed = report.findings.filter(({ verdict }) => verdict === "fail");
  expect(report.passed).toBe(failed.length === 0);
  for (const { repair } of failed) expect(repair).toMatch(/\w/);
  return { checks: [...new Set(failed.map(({ check }) => check))], text: describeReport(report) };
}

const ce = (g: Graph, { logits, labels }: LossInputs) => g.crossEntropy(logits, labels);
const loss = (
  build: (g: Graph, inputs: LossInputs) => Value,
  more: { shiftInvariant?: true; orderedClasses?: true; wholeBatch?: true } = {},
) => defineLoss({ ...about, ...more, build });

/** CHECK_EDGES=1 checks every loss with every option at its edges; without, only the one with most ways to be built. */
const edges = (name: string) => Boolean(process.env.CHECK_EDGES) || name === "backdoor";

const registry = resolve(await createContainer(), "registry");

describe("the built-in plugins", () => {
  it.each(registry.names("loss"))("pass: loss/%s", async (name) => {
    const [report] = await checkSource(`loss/${name}`, {
      cacheDir: "unused",
      cost: false,
      edges: edges(name),
    });
    expect(report!.passed, describeReport(report!)).toBe(true);
    expect(report!.findings.length).toBeGreaterThan(5);
  });

  const others = (["peft", "strata", "backbone"] as const).flatMap((kind) =>
    registry.names(kind).map((name) => `${kind}/${name}`),
  );
  it.each(others)("pass: %s with its defaults", async (specifier) => {
    const [report] = await checkSource(specifier, { cacheDir: "unused", edges: false });
    expect(report!.passed, describeReport(report!)).toBe(true);
  });

  it("tells what a loss costs beside cross-entropy", async () => {
    const [report] = await checkSource("la", { cacheDir: "unused", edges: false });
    const cost = report!.findings.find(({ check }) => check === "cost");
    expect(cost).toMatchObject({
      verdict: "note",
      found: expect.stringMatching(/× the time of cross-entropy.* operators to \d+/),
    });
  });
});

describe("a loss that breaks", () => {
  const textbookSoftmax = (g: Graph, { logits, labels }: LossInputs) => {
    const exp = g.exp(logits);
    return g.reduceMean(g.neg(g.log(g.pick(g.div(exp, g.reduceSum(exp, 1)), labels))));
  };
  const scaled = (g: Graph, inputs: LossInputs, factor: Value | number) => g.mul(factor, ce(g, inputs));
  let calls = 0;

  it.each<[what: string, check: string, plugin: Plugin, text: RegExp]>([
    [
      "overflow",
      "extreme logits",
      loss(textbookSoftmax),
      /±1e4 in float32.*\n +→ write it with g\.logSoftmax/,
    ],
    [
      "1 class",
      "1 class",
      loss((g, inputs) => g.div(ce(g, inputs), Math.log(inputs.classCounts.length))),
      /with 1 class .*NaN/,
    ],
    [
      "memory with 10,000 classes",
      "10,000 classes",
      loss((g, inputs) => {
        const prior = g.reshape(inputs.classPrior, [1, inputs.classCounts.length]);
        const pairs = g.matmul(prior, prior, { transA: true });
        return g.add(ce(g, inputs), g.reduceMean(g.mul(g.matmul(inputs.logits, pairs), 0)));
      }),
      /shape \[10000, 10000\] \(400 MB/,
    ],
    [
      "classes missing from the batch",
      "missing classes",
      loss((g, { logits, labels, classCounts }) => {
        const hit = g.oneHot(labels, classCounts.length);
        const counts = g.reduceSum(hit, 0, { keepDims: false });
        const own = g.reduceSum(g.mul(g.softmax(logits, 1), hit), 0, { keepDims: false });
        return g.neg(g.reduceMean(g.div(own, counts)));
      }),
      /class 0 of 4 alone, the loss is NaN/,
    ],
    [
      "classes without training images",
      "empty classes",
      // Not by defineLoss, which refuses them.
      {
        ...loss(ce),
        recipe: (): LossRecipe => ({
          mode: "single",
          needs: [],
          build: (g, { logits, labels, classPrior }) => g.crossEntropy(g.div(logits, classPrior), labels),
        }),
      },
      /without training images, the loss is NaN/,
    ],
    [
      "the gradient, by steps",
      "gradient",
      loss((g, inputs) =>
        ce(g, { ...inputs, logits: g.cast(g.cast(inputs.logits, "float16"), g.floatType) }),
      ),
      /at logits\[\d, \d\] \(label \d\), .*(do not settle|central differences give)/,
    ],
    [
      "the gradient, by being constant",
      "gradient",
      loss((g, { labels, classCounts }) => g.reduceMean(g.oneHot(labels, classCounts.length))),
      /the gradient by the logits is 0/,
    ],
    [
      "the order of the classes",
      "class order",
      loss((g, inputs) => {
        const ranks = [...inputs.classCounts.keys()];
        return ce(g, { ...inputs, logits: g.add(inputs.logits, g.constant(ranks, [ranks.length])) });
      }),
      /renumbering the classes .* changes the loss from .* to .*\n +→ .*orderedClasses/,
    ],
    [
      "a claim of ordered classes",
      "class order",
      loss(ce, { orderedClasses: true }),
      /claims `orderedClasses`/,
    ],
    [
      "the order of the batch",
      "batch order",
      loss((g, { logits, labels }) => {
        const nll = g.negativeLogLikelihood(logits, labels);
        return g.reduceMean(g.mul(nll, g.constant([...Array(nll.shape[0]).keys()], nll.shape)));
      }),
      /another order of the samples changes the loss/,
    ],
    [
      "a claim of shift invariance",
      "shift",
      loss((g, inputs) => g.add(ce(g, inputs), g.reduceMean(g.mul(inputs.logits, inputs.logits))), {
        shiftInvariant: true,
      }),
      /changes the loss .* but it claims `shiftInvariant`/,
    ],
    [
      "batch size, by summing",
      "batch size",
      loss((g, { logits, labels }) => g.reduceSum(g.negativeLogLikelihood(logits, labels))),
      /it is their sum: use g\.reduceMean/,
    ],
    [
      "batch size, by statistics of the batch",
      "batch size",
      loss((g, inputs) => g.add(ce(g, inputs), g.reduceMax(inputs.logits))),
      /set `wholeBatch: true`/,
    ],
    [
      "determinism",
      "determinism",
      loss((g, inputs) => scaled(g, inputs, 1 + ++calls / 1e6)),
      /built twice, it gives \d.* and \d/,
    ],
    [
      "its inputs",
      "builds",
      loss((g, inputs) => ce(g, { ...inputs, logits: g.add(inputs.logits, inputs.pretrainPrior!) })),
      /reads `pretrainPrior`, which is there only when `needs: \["pretrainPrior"\]`/,
    ],
    [
      "the precision of the graph",
      "builds",
      loss((g, inputs) => scaled(g, inputs, g.constant([2], [], "float32"))),
      /without a dtype/,
    ],
    [
      "the scalar",
      "builds",
      loss((g, { logits, labels }) => g.negativeLogLikelihood(logits, labels)),
      /single number/,
    ],
    [
      "its options",
      "recipe",
      defineStrataLoss<{ tau: number }>({
        ...about,
        options: { ...none, properties: { tau: { type: "number", default: 1 } } },
        recipe: (options) => {
          options.tau *= 2;
          return { mode: "single", needs: [], build: ce };
        },
      }),
      /do not change `options`/,
    ],
    [
      "its base",
      "recipe",
      defineStrataLoss({
        ...about,
        recipe: () => ({ mode: "post-hoc", base: { use: "la", tua: 1 }, predict: (_g, [z]) => z! }),
      }),
      /base "la" refuses {"tua":1}/,
    ],
    [
      "a prediction that depends on the batch",
      "prediction, sample alone",
      defineStrataLoss({
        ...about,
        recipe: () => ({
          mode: "post-hoc",
          base: { use: "ce" },
          predict: (g, logits) => g.sub(logits[0]!, g.reduceMean(logits[0]!, 0)),
        }),
      }),
      /differ by .* between a batch of 1 and of 5/,
    ],
    [
      "a prediction that depends on a shift although it says otherwise",
      "prediction, shift",
      defineStrataLoss({
        ...about,
        shiftInvariant: true,
        recipe: () => ({ mode: "post-hoc", base: { use: "ce" }, predict: (g, [z]) => g.mul(z!, z!) }),
      }),
      /changes the prediction, but it claims `shiftInvariant`/,
    ],
    [
      "a prediction that overflows",
      "prediction, extreme logits",
      defineStrataLoss({
        ...about,
        recipe: () => ({
          mode: "post-hoc",
          base: { use: "ce" },
          predict: (g, logits) => g.log(g.softmax(logits[0]!, 1)),
        }),
      }),
      /a score is -Infinity/,
    ],
  ])("%s fails", async (_what, check, plugin, text) => {
    const { checks, text: told } = await failures(plugin);
    expect(checks).toContain(check);
    expect(told).toMatch(text);
  });

  it("nothing passes, and statistics of the batch are fine where it says so", async () => {
    const { checks } = await failures(loss(ce, { shiftInvariant: true }));
    expect(checks).toEqual([]);
    const whole = await failures(
      loss((g, inputs) => g.add(ce(g, inputs), g.reduceMax(inputs.logits)), { wholeBatch: true }),
    );
    expect(whole.checks).toEqual([]);
  });

  it("its schema fails to load, and the rest is not tried", async () => {
    const open = { ...loss(ce), options: { type: "object", properties: {} } as unknown as JsonSchema };
    expect(await failures(open)).toMatchObject({
      checks: ["loads"],
      text: expect.stringMatching(/additionalProperties: false/),
    });
  });
});

describe("a PEFT method that breaks", () => {
  const method = (
    apply: (g: Graph, declare: (name: string, start?: number) => Value, input: Value, output: Value) => Value,
    more: { startsAtIdentity?: false } = {},
  ) =>
    definePeft({
      ...about,
      ...more,
      begin: (_tower, param) => ({
        apply: (g, { name, block, outWidth }, input, output) =>
          name === "mlp"
            ? apply(
                g,
                (own, value = 0) => param(`${own}.${block}`, [outWidth], { kind: "constant", value }),
                input,
                output,
              )
            : output,
      }),
    });

  it.each<[what: string, check: string, plugin: Plugin, text: RegExp]>([
    [
      "its start",
      "start",
      method((g, declare, _, output) => g.mul(output, declare("s", 0.5))),
      /startsAtIdentity: false/,
    ],
    [
      "the shape",
      "shapes",
      method((g, declare, _, output) => g.reduceMean(g.add(output, declare("s")), 1)),
      /block 0, site mlp, `apply` returns float32\[3,1,8\] in place of float32\[3,5,8\]/,
    ],
    [
      "a parameter without use",
      "gradient reaches",
      method((g, declare, _, output) => {
        declare("idle");
        return g.add(output, declare("s"));
      }),
      /no gradient reaches 3 of 6 parameters: "idle.0"/,
    ],
    [
      "everything, by doing nothing",
      "builds",
      definePeft({ ...about, begin: () => ({}) }),
      /declares no parameter/,
    ],
    [
      "its parameters' names",
      "builds",
      definePeft({
        ...about,
        begin: (_tower, param) => ({
          apply: (g, { name, outWidth }, _input, output) =>
            name === "mlp" ? g.add(output, param("s", [outWidth], { kind: "zeros" })) : output,
        }),
      }),
      /"s"/,
    ],
  ])("%s fails", async (_what, check, plugin, text) => {
    const { checks, text: told } = await failures(plugin);
    expect(checks).toContain(check);
    expect(told).toMatch(text);
  });
});

describe("strata, data sets and backbones that break", () => {
  const strata = (masses: number[], data: () => number) =>
    defineStrata({
      ...about,
      estimate: async ({ width }) => ({
        masses: Float32Array.from(masses),
        tensors: { t: { shape: [width], data: new Float32Array(width).fill(data()) } },
      }),
      conditionals: (_g, { features, head }) => [{ logits: head(features), mass: 1 }],
    });
  let drawn = 0;
  const images = (labels: readonly number[]): Split => ({
    images: labels.map((_, i) => ({
      kind: "pixels",
      name: `${i}`,
      data: new Uint8Array(4),
      width: 2,
      height: 2,
      channels: 1,
    })),
    labels: Int32Array.from(labels),
  });
  const dataset = (changes: { classNames?: string[]; train?: Split; digest?: () => string }) =>
    defineDataset({
      ...about,
      load: async () => ({
        name: "broken",
        classNames: changes.classNames ?? ["a", "b"],
        train: changes.train ?? images([0, 1]),
        test: images([0, 1]),
        digest: changes.digest?.() ?? "0".repeat(64),
        source: "here",
      }),
    });
  const broken = images([0, 1]);

  it.each<[what: string, check: string, plugin: Plugin, text: RegExp]>([
    ["masses", "estimate", strata([0.5, 0.4], () => 1), /masses sum to 0\.9, not 1/],
    ["numbers", "estimate", strata([1], () => Number.NaN), /"t" holds a number that is not finite/],
    ["repeatability", "determinism", strata([1], () => ++drawn), /with the same seed, "t" differs/],
    ["class names", "class names", dataset({ classNames: ["a", "a"] }), /"a" comes twice/],
    ["labels", "labels", dataset({ train: images([0, 1, 2]) }), /image 2 has label 2 of 2 classes/],
    ["classes", "classes have images", dataset({ train: images([0, 0]) }), /no training image: "b"/],
    [
      "images",
      "images decode",
      dataset({ train: { ...broken, images: [{ kind: "file", path: "nowhere.png" }, broken.images[1]!] } }),
      /train image 0 does not decode: .*nowhere\.png/,
    ],
    [
      "the digest",
      "determinism",
      dataset({ digest: () => String(++drawn).padStart(64, "0") }),
      /its digest differs/,
    ],
    [
      "a repository's name",
      "locate",
      defineBackbone({ ...about, locate: () => ({ kind: "hub", repo: "clip", revision: "main" }) }),
      /"owner\/name"/,
    ],
    [
      "a relative folder",
      "locate",
      defineBackbone({ ...about, locate: () => ({ kind: "folder", path: "clip" }) }),
      /use path\.resolve\(baseDir/,
    ],
  ])("%s fails", async (_what, check, plugin, text) => {
    const { checks, text: told } = await failures(plugin);
    expect(checks).toEqual([check]);
    expect(told).toMatch(text);
  });
});

describe("what a specifier stands for", () => {
  let folder: TempFolder;
  beforeAll(async () => {
    folder = await tempFolder();
  });
  afterAll(() => folder.remove());
  const check = (specifier: string) =>
    checkSource(specifier, { baseDir: folder.path, cacheDir: folder.path, cost: false });

  it("a plugin that does not load is a failed check", async () => {
    await folder.write("broken.mjs", "export const = 1;");
    const [report] = await check("./broken.mjs");
    expect(report).toMatchObject({ passed: false, findings: [{ check: "loads", verdict: "fail" }] });
  });

  it("an unknown name is an error that says what there is", async () => {
    await expect(check("cee")).rejects.toThrow(
      expect.objectContaining({ hint: expect.stringMatching(/\.\/cee; .*did you mean "ce"/) }),
    );
  });
});

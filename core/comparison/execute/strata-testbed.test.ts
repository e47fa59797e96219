import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { plugin as iconsLt } from "../../../plugins/datasets/icons-lt/index.ts";
import { plugin as adaptformer } from "../../../plugins/peft/adaptformer/index.ts";
import { plugin as full } from "../../../plugins/peft/full/index.ts";
import { createContainer, type PluginRegistry, resolve } from "../../container/index.ts";
import { createGraph, type Value } from "../../graph/index.ts";
import { openCheckpoint } from "../../models/checkpoint/folder.ts";
import { type EmbeddedImages, embedImages } from "../../models/embed-images.ts";
import { embedTexts, headFromText } from "../../models/embed-texts.ts";
import { createImageStore, testTransform } from "../../models/images/index.ts";
import { openTokenizer } from "../../models/tokenizer/index.ts";
import {
  defineStrata,
  type LossPlugin,
  type PeftPlugin,
  type StratumSource,
} from "../../plugin-api/index.ts";
import {
  buildMembers,
  FinetuneAborted,
  type FinetuneOptions,
  finetune,
  type Member,
} from "../../training/finetune.ts";
import { sgd } from "../../training/optimizers/index.ts";
import { initParams } from "../../training/params.ts";
import { compilePredictor } from "../../training/predict.ts";
import { schedules } from "../../training/schedule.ts";

const root = fileURLToPath(new URL("../../../", import.meta.url));

let dir: string;
let registry: PluginRegistry;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "dualtail-strata-"));
  registry = resolve(await createContainer(), "registry");
});
afterAll(() => rm(dir, { recursive: true, force: true }));

const checked = (kind: "loss" | "strata", name: string, options: Readonly<Record<string, unknown>>) => {
  const result = registry.checkOptions(kind, name, options);
  return result.ok ? result.options : expect.fail(result.problems[0]!.problem);
};

describe("on the testbed's clip and icons-lt", () => {
  const BATCH = 16;
  let data: Omit<FinetuneOptions, "loss" | "members"> & {
    readonly member: (use: string, options: Readonly<Record<string, unknown>>) => Promise<Member>;
    readonly prior: readonly number[];
    readonly seen: EmbeddedImages;
  };
  beforeAll(async () => {
    const cacheDir = join(root, ".dualtail", "cache");
    const context = { cacheDir, baseDir: root, seed: 0, progress: () => () => {}, warn: () => {} };
    const { train, classNames } = await iconsLt.load(context, {} as never);
    const own = [...train.images.keys()].filter((i) => i % 80 === 0);
    const labels = Int32Array.from(own, (i) => train.labels[i]!);
    const folder = join(root, "testbed", "clip");
    const checkpoint = await openCheckpoint(folder);
    const { vision, text, projectionDim } = checkpoint.config;
    const tokenizer = await openTokenizer(folder, text.contextLength);
    const texts = await embedTexts(checkpoint, tokenizer, { classNames, prompts: ["a photo of a {}."] });
    const store = createImageStore(
      own.map((i) => train.images[i]!),
      1,
    );
    const plain = testTransform(checkpoint.preprocessor);
    const load: Member["load"] = (indices, out) => store.fillBatch(indices, plain, out);
    const threads = 1;
    const seen = await embedImages(checkpoint, texts, load, own.length, { batchSize: 50, threads });
    const headInit = await headFromText(checkpoint, texts);
    const classes = classNames.length;
    const counts = classNames.map((_, k) => 1 + labels.filter((y) => y === k).length);
    data = {
      seen,
      classes,
      labels,
      prior: counts.map((n) => n / counts.reduce((a, b) => a + b)),
      epochs: 4,
      batchSize: BATCH,
      optimizer: sgd(),
      lr: 0.02,
      schedule: schedules.constant,
      seed: 2,
      threads,
      async member(use, options) {
        const source = registry.get("strata", use) as StratumSource;
        const complete = checked("strata", use, options);
        const { width } = vision;
        const found = await source.estimate(
          {
            count: own.length,
            width,
            classes,
            labels,
            features: async () => seen.features,
            zeroShot: async () => seen.logits,
            seed: 2,
          },
          complete,
        );
        const recipe = lossOf(use, options);
        return {
          prefix: "",
          shape: vision,
          locate: checkpoint.locate,
          load,
          headInit,
          headScale: 25,
          peft: [{ plugin: adaptformer as PeftPlugin, options: { bottleneck: 2 } }],
          strata: {
            source,
            options: complete,
            found,
            predict: recipe.strata!.predict,
            zeroShot: { texts, projectionDim, scale: Math.exp(checkpoint.logitScale) },
          },
        };
      },
    };
  });

  const lossOf = (use: string, options: Readonly<Record<string, unknown>>) => {
    const chosen = checked("loss", "backdoor-strata", { strata: { use, ...options } });
    const recipe = (registry.get("loss", "backdoor-strata") as LossPlugin<never>).recipe(chosen as never);
    return recipe.mode === "single" ? recipe : expect.fail("not over one model");
  };

  it.each([
    ["k-means", { clusters: 4, normalize: true }],
    ["class-wise", { normalize: true }],
    ["dimension-sets", { sets: 4 }],
  ])("%s lowers the loss and resumes bit-equally", async (use, options) => {
    const { member, prior, seen: _seen, ...rest } = data;
    const base: FinetuneOptions = {
      ...rest,
      members: [await member(use, options)],
      loss: (g, [logits], labels, [model]) =>
        lossOf(use, options).build(g, {
          logits: logits!,
          labels,
          classPrior: g.constant(prior, [prior.length]),
          classCounts: prior,
          headScale: 25,
          strata: model!.strata!,
        }),
    };
    const losses: number[] = [];
    const whole = await finetune({ ...base, onStep: ({ loss }) => void losses.push(loss) });
    const perEpoch = losses.length / 4;
    const mean = (epoch: number) =>
      losses.slice(epoch * perEpoch, (epoch + 1) * perEpoch).reduce((a, b) => a + b) / perEpoch;
    expect(mean(3)).toBeLessThan(mean(0) - 0.1);

    const checkpointDir = join(dir, use);
    const stop = new AbortController();
    const onStep = ({ step }: { step: number }) => {
      if (step === perEpoch) stop.abort();
    };
    const stopped = finetune({ ...base, checkpointDir, signal: stop.signal, onStep });
    await expect(stopped).rejects.toThrow(FinetuneAborted);
    const resumed = await finetune({ ...base, checkpointDir });
    expect(resumed.resumedFrom).toBe(perEpoch + 1);
    expect(resumed.params).toEqual(whole.params);
  });

  it("shows a source the frozen model, whatever has become of the trained one", async () => {
    const frozenOnly = defineStrata({
      name: "frozen-only",
      summary: "Zero-shot",
      options: { type: "object", properties: {}, additionalProperties: false },
      estimate: async () => ({ masses: Float32Array.of(1), tensors: {} }),
      conditionals: (_g, { frozen }) => [{ logits: frozen().zeroShot, mass: 1 }],
    });
    const { classes, labels, seen, member } = data;
    const like = await member("class-wise", {});
    const strata = {
      ...like.strata!,
      source: frozenOnly,
      predict: (_g: unknown, [logits]: readonly Value[]) => logits!,
    };
    const changed: Member = { ...like, strata, peft: [{ plugin: full as PeftPlugin, options: {} }] };
    const [built] = buildMembers(createGraph(), [changed], classes, 1);
    const declared = built!.params.map(({ name, value: { shape }, init }) => ({ name, shape, init }));
    const params = await initParams(declared, 0);
    for (const values of params.values()) for (const i of values.keys()) values[i]! *= 1.1;
    const predictor = await compilePredictor(changed, classes, BATCH, { threads: 1 });
    const { logits, features } = await predictor.predict(like.load, labels.length, params);
    await predictor.release();
    for (const [i, x] of logits.entries()) expect(Math.abs(x - seen.logits[i]!)).toBeLessThan(1e-3);
    expect(features.some((x, i) => Math.abs(x - seen.features[i]!) > 0.1)).toBe(true);
  });
});

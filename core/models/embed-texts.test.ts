import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makeTinyClip } from "../../test/support/tiny-clip.ts";
import { openCheckpoint } from "./checkpoint/folder.ts";
import { embedTexts } from "./embed-texts.ts";
import { PROMPT_SETS, promptSetOf, promptTemplates } from "./prompts/index.ts";
import { openTokenizer, type Tokenizer } from "./tokenizer/index.ts";

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "dualtail-texts-"));
  await makeTinyClip(dir);
});
afterAll(() => rm(dir, { recursive: true, force: true }));

describe("embedTexts", () => {
  it("averages normalised features of a class's prompts and normalises the mean, across batches", async () => {
    const checkpoint = await openCheckpoint(dir);
    const tokenizer = await openTokenizer(dir, checkpoint.config.text.contextLength);
    const classNames = ["cat", "dog", "fire_engine"];
    const embed = (prompts: readonly string[]) =>
      embedTexts(checkpoint, tokenizer, { classNames, prompts }, { threads: 1 });
    // 240 texts in batches of 64, which no class's 80 prompts line up with.
    const all = await embed(PROMPT_SETS.ensemble);
    const { width } = all;
    const sums = new Float64Array(classNames.length * width);
    for (const prompt of PROMPT_SETS.ensemble) {
      const { features } = await embed([prompt]);
      for (let k = 0; k < classNames.length; k++)
        expect(Math.hypot(...features.subarray(k * width, (k + 1) * width))).toBeCloseTo(1, 5);
      for (const [i, value] of features.entries()) sums[i]! += value;
    }
    for (let k = 0; k < classNames.length; k++) {
      const mean = sums.subarray(k * width, (k + 1) * width);
      const norm = Math.hypot(...mean);
      for (const [i, value] of mean.entries())
        expect(all.features[k * width + i]).toBeCloseTo(value / norm, 5);
    }
  });
});

describe("very many texts", () => {
  it("are as long as the longest of them", async () => {
    const checkpoint = await openCheckpoint(dir);
    const { contextLength } = checkpoint.config.text;
    // More than one call takes arguments; 80 templates of iNaturalist's classes are 650,000.
    const classNames = new Array<string>(200_000).fill("cat");
    const eot = new Int32Array(classNames.length).fill(1);
    const ids = new BigInt64Array(classNames.length * contextLength);
    const tokenizer: Tokenizer = { contextLength, vocabSize: 1, encode: () => ({ ids, eot }) };
    const { classes } = await embedTexts(
      checkpoint,
      tokenizer,
      { classNames, prompts: ["{}"] },
      { threads: 1 },
    );
    expect(classes).toBe(classNames.length);
  });
});

describe("prompt sets", () => {
  it("are found by name, and named by their templates", () => {
    expect(promptTemplates("ensemble")).toHaveLength(80);
    expect(new Set(promptTemplates("ensemble")).size).toBe(80);
    expect(promptTemplates("an {}")).toEqual(["an {}"]);
    expect(promptTemplates(["a {}", "b {}"])).toEqual(["a {}", "b {}"]);
    expect(promptSetOf(["{}"])).toBe("class-name");
    expect(promptSetOf(["a {}"])).toBeUndefined();
  });
});

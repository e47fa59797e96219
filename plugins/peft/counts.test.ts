import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { createGraph, sizeOf } from "../../core/graph/index.ts";
import { classifier } from "../../core/models/classifier.ts";
import { frozenWeights } from "../../core/models/frozen-weights.ts";
import { choosePefts, type PeftChoice } from "../../test/support/choose-peft.ts";

/** ViT-B/16 at 224 pixels. */
const shape = {
  width: 768,
  layers: 12,
  heads: 12,
  mlpWidth: 3072,
  patchSize: 16,
  imageSize: 224,
  channels: 3,
  activation: "quick_gelu",
  layerNormEps: 1e-5,
};

/** LIFT counts the parameters of its tuner and of the head apart; both are trained. Keys are numbers of classes. */
interface CountRow {
  readonly name: string;
  readonly peft: readonly PeftChoice[];
  readonly tuner: Readonly<Record<string, number>>;
  readonly head: Readonly<Record<string, number>>;
}

const file = fileURLToPath(new URL("../../test/fixtures/peft/counts.json", import.meta.url));
const rows = JSON.parse(readFileSync(file, "utf8")) as readonly CountRow[];

describe.each(rows)("ViT-B/16 with $name", ({ peft, tuner, head }) => {
  it.each(Object.keys(tuner).map(Number))("trains what LIFT trains for %d classes", async (classes) => {
    const g = createGraph();
    // Nothing is compiled, so nothing is read.
    const locate = () => ({ file: "none", offset: 0, length: 0, dtype: "float32" as const, shape: [] });
    const { params } = classifier(g, g.input("pixels", "float32", [1, 3, 224, 224]), {
      shape,
      weights: frozenWeights(g, locate),
      locate,
      classes,
      peft: await choosePefts(peft),
      headInit: new Float32Array(0),
      headScale: 25,
    });
    const total = (of: typeof params) => of.reduce((sum, { value }) => sum + sizeOf(value.shape), 0);
    expect(total(params.filter(({ name }) => !name.startsWith("head.")))).toBe(tuner[classes]);
    expect(total(params.filter(({ name }) => name.startsWith("head.")))).toBe(head[classes]);
  });
});

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { expectParity } from "../../../test/support/parity.ts";
import { createGraph } from "../../graph/index.ts";
import { compile } from "../../runtime/index.ts";
import { frozenWeights } from "../frozen-weights.ts";
import { imageTower, projectImage, textTower } from "../towers/index.ts";
import { type ClipCheckpoint, openCheckpoint } from "./folder.ts";
import { resizePositions } from "./resize-positions.ts";

interface Golden {
  readonly versions: Readonly<Record<"open_clip" | "transformers" | "torch", string>>;
  readonly ids: { readonly shape: [number, number]; readonly values: number[] };
  readonly models: Record<
    string,
    {
      pixels: { shape: [number, number, number, number]; values: number[] };
      imageFeatures: number[];
      textFeatures: number[];
    }
  >;
  readonly positions: { from: number; to: number; table: number[]; expected: number[] }[];
  readonly otherSizes: { imageSize: number; pixels: number[]; imageFeatures: number[] }[];
}

const fixture = (name: string) => fileURLToPath(new URL(`../../../test/fixtures/${name}`, import.meta.url));
const golden = JSON.parse(readFileSync(fixture("open-clip/golden.json"), "utf8")) as Golden;
const reference = (name: keyof Golden["versions"]) => `${name} ${golden.versions[name]}`;

/** Image features [B, projectionDim], not normalised. */
async function imageFeatures({ config, locate }: ClipCheckpoint, pixels: number[]): Promise<Float32Array> {
  const { vision, projectionDim } = config;
  const { channels, imageSize } = vision;
  const g = createGraph();
  const weights = frozenWeights(g, locate);
  const batch = pixels.length / (channels * imageSize ** 2);
  const input = g.input("pixels", "float32", [batch, channels, imageSize, imageSize]);
  const pooled = imageTower(g, vision, weights, input);
  const program = await compile(g, { features: projectImage(g, pooled, weights, projectionDim) });
  const out = await program.run({ pixels: Float32Array.from(pixels) });
  await program.release();
  return out.features as Float32Array;
}

/** Text features [N, projectionDim] with the token of the largest id as the text's, not normalised. */
async function textFeatures({ config, locate }: ClipCheckpoint, ids: number[]): Promise<Float32Array> {
  const { text, projectionDim } = config;
  const length = text.contextLength;
  const count = ids.length / length;
  const g = createGraph();
  const inputs = { ids: g.input("ids", "int64", [count, length]), eot: g.input("eot", "int64", [count]) };
  const features = textTower(g, text, frozenWeights(g, locate), inputs, projectionDim);
  const program = await compile(g, { features });
  const rows = Array.from({ length: count }, (_, n) => ids.slice(n * length, (n + 1) * length));
  const out = await program.run({
    ids: BigInt64Array.from(ids, BigInt),
    eot: BigInt64Array.from(rows, (row) => BigInt(row.indexOf(Math.max(...row)))),
  });
  await program.release();
  return out.features as Float32Array;
}

describe.each(Object.entries(golden.models))("the open_clip checkpoint %s", (name, expected) => {
  it("gives open_clip's image and text features", async () => {
    const checkpoint = await openCheckpoint(fixture(`open-clip/${name}`));
    expect(checkpoint.layout).toBe("open_clip");
    const row = {
      module: "checkpoint (open_clip layout)",
      reference: reference("open_clip"),
      tolerance: 1e-4,
    };
    expectParity({
      ...row,
      what: `image features, ${name}`,
      actual: await imageFeatures(checkpoint, expected.pixels.values),
      expected: expected.imageFeatures,
    });
    expectParity({
      ...row,
      what: `text features, ${name}`,
      actual: await textFeatures(checkpoint, golden.ids.values),
      expected: expected.textFeatures,
    });
  });
});

describe("position embeddings", () => {
  it.each(golden.positions)("are resized from a side of $from patches to $to as by torch", (given) => {
    expectParity({
      module: "position embeddings",
      what: `bicubic, ${given.from} → ${given.to} patches a side`,
      reference: reference("torch"),
      actual: resizePositions(Float32Array.from(given.table), 2, given.from, given.to),
      expected: given.expected,
      tolerance: 1e-5,
    });
  });

  it.each(golden.otherSizes)("give transformers' features at $imageSize pixels", async (given) => {
    const checkpoint = await openCheckpoint(fixture("open-clip/hugging-face"), {
      imageSize: given.imageSize,
    });
    expect(checkpoint.config.vision.imageSize).toBe(given.imageSize);
    expectParity({
      module: "position embeddings",
      what: `image features at ${given.imageSize} pixels, of a 12-pixel model`,
      reference: reference("transformers"),
      actual: await imageFeatures(checkpoint, given.pixels),
      expected: given.imageFeatures,
      tolerance: 1e-4,
    });
  });
});

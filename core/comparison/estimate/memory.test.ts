/**
 * Estimated memory against the peaks in docs/benchmarks.md, which `npm run bench -- --against torch --write` measures.
 * `npx vitest run core/comparison/estimate/memory.test.ts --reporter verbose` prints both.
 */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { vitB16 } from "../../../bench/vit-b16.ts";
import { choosePefts } from "../../../test/support/choose-peft.ts";
import { cachedMicroBatch } from "../../training/micro-batch.ts";
import type { KnownBackbone } from "./backbones.ts";
import { type ProgramCost, stepCost, textCost, zeroShotCost } from "./graphs.ts";
import { PROCESS_BYTES, programBytes } from "./space.ts";

const MIB = 2 ** 20;
const CLASSES = 1000;
const nowhere = () => ({ file: "/", offset: 0, length: 0, dtype: "float32" as const, shape: [] });
const text = { ...vitB16, width: 512, heads: 8, mlpWidth: 2048, vocabSize: 49408, contextLength: 77 };
const vitL14 = { ...vitB16, width: 1024, layers: 24, heads: 16, mlpWidth: 4096, patchSize: 14 };
const backboneOf = (vision: typeof vitB16 | typeof vitL14): KnownBackbone => ({
  label: "random weights",
  config: { vision, text: { ...text, eosTokenId: 49407, pooling: "first-eos" }, projectionDim: 512 },
  locate: nowhere,
  missingBytes: 0,
});

async function step(use: string, batchSize: number, recompute: boolean): Promise<ProgramCost> {
  const member = {
    prefix: "",
    shape: vitB16,
    locate: nowhere,
    headScale: 25,
    peft: await choosePefts([{ use }]),
    load: async () => {},
  };
  return stepCost([member], CLASSES, {
    loss: (g, [logits], labels) => g.crossEntropy(logits!, labels),
    batch: cachedMicroBatch(batchSize, [vitB16], { recompute }),
    recompute,
  });
}

/** Of the published table: our peak, and with recomputation, in MiB. */
const measured = new Map(
  readFileSync(new URL("../../../docs/benchmarks.md", import.meta.url), "utf8")
    .split("\n")
    .map((line) => line.split("|").map((cell) => cell.trim()))
    .filter((cells) => cells.length > 10)
    .map((cells) => [cells[1]!, [cells[6]!, cells[10]!].map((cell) => Number.parseFloat(cell))] as const),
);

interface Case {
  readonly name: string;
  /** MiB */
  readonly peak: number;
  readonly estimate: number;
}

const caseOf = (row: string, cost: ProgramCost, recompute = false): Case => ({
  name: recompute ? `${row}, recompute` : row,
  peak: measured.get(row)![recompute ? 1 : 0]!,
  estimate: Math.round((PROCESS_BYTES + programBytes(cost, !recompute)) / MIB),
});

const steps = ["adaptformer", "lora"].flatMap((use) =>
  [8, 32].flatMap((batch) =>
    [false, true].map(async (recompute) =>
      caseOf(`ViT-B/16 ${use} step, batch ${batch}`, await step(use, batch, recompute), recompute),
    ),
  ),
);
const cases = [
  ...(await Promise.all(steps)),
  caseOf("ViT-L/14 image features, batch 8", zeroShotCost(backboneOf(vitL14), CLASSES, 8)),
  caseOf("ViT-B/16 text features, batch 64", textCost(backboneOf(vitB16), 64, 77)),
];

describe("estimated peaks of a process", () => {
  it.each(cases)("$name: $estimate MiB of the $peak MiB that were measured", ({ peak, estimate }) => {
    expect(estimate / peak).toBeGreaterThan(0.9);
    expect(estimate / peak).toBeLessThan(1.1);
  });
});

import { InferenceSession, Tensor } from "onnxruntime-node";
import { beforeAll, describe, expect, it } from "vitest";
import {
  type GoldenLoss,
  type GoldenLossCase,
  lossesGolden,
  shownOptions,
  unpackDoubles,
} from "../../../test/support/losses-golden.ts";
import { expectParity } from "../../../test/support/parity.ts";
import { listLosses } from "../../losses/index.ts";
import type { LossPlugin } from "../../plugin-api/index.ts";
import { encodeLoss } from "./export-loss.ts";

let losses: ReadonlyMap<string, LossPlugin<Record<string, unknown>>>;
beforeAll(async () => {
  losses = new Map((await listLosses()).map((plugin) => [plugin.name, plugin]));
});

type FloatType = "float32" | "float64";

/** Value and gradients by the exported file, as another program runs it: any batch size, the runtime's own rewriting. */
async function exported(
  sample: GoldenLossCase,
  { name, options, gradients: wanted }: GoldenLoss,
  floatType: FloatType,
): Promise<{ loss: ArrayLike<number>; gradients: readonly ArrayLike<number>[] }> {
  const { classes, batch, counts } = sample;
  const { bytes, description } = encodeLoss(losses.get(name)!, options, {
    classes,
    models: wanted.length,
    classCounts: counts,
    headScale: sample.headScale,
    floatType,
    ...(name === "backdoor" ? { weights: sample.masses } : {}),
  });
  const session = await InferenceSession.create(bytes, {
    intraOpNumThreads: 1,
    graphOptimizationLevel: floatType === "float64" ? "disabled" : "all",
  });
  const floats = (values: ArrayLike<number>, dims: number[]) =>
    floatType === "float64"
      ? new Tensor("float64", Float64Array.from(values), dims)
      : new Tensor("float32", Float32Array.from(values), dims);
  const total = counts.reduce((sum, count) => sum + count, 0);
  const feeds: Record<string, () => Tensor> = {
    labels: () => new Tensor("int64", BigInt64Array.from(sample.labels, BigInt), [batch]),
    class_prior: () =>
      floats(
        counts.map((count) => count / total),
        [classes],
      ),
    pretrain_prior: () => floats(sample.pretrainPrior, [classes]),
    ...Object.fromEntries(
      wanted.map((_, m) => [
        wanted.length === 1 ? "logits" : `logits_${m}`,
        () => floats(unpackDoubles(sample.logits[m]!), [batch, classes]),
      ]),
    ),
  };
  const out = await session.run(
    Object.fromEntries(description.inputs.map((input) => [input.name, feeds[input.name]!()])),
  );
  await session.release();
  const named = (output: string) => out[output]!.data as Float64Array;
  return {
    loss: named("loss"),
    gradients: wanted.map((_, m) => named(wanted.length === 1 ? "grad_logits" : `grad_logits_${m}`)),
  };
}

const PRECISIONS: readonly [FloatType, number][] = [
  ["float64", 1e-12],
  // float32 keeps 7 digits of the logits alone.
  ["float32", 1e-6],
];

describe.each(lossesGolden.cases)("exported losses: $name", (sample) => {
  it.each(
    sample.losses.map((golden) => [`${golden.name} ${shownOptions(golden.options)}`.trim(), golden] as const),
  )("%s", async (title, golden) => {
    // Where logits are around 1e4, rounding them to float32 moves them, and every probability, by 1e-3.
    const precisions = sample.name === "logits around 1e4" ? PRECISIONS.slice(0, 1) : PRECISIONS;
    for (const [floatType, tolerance] of precisions) {
      const actual = await exported(sample, golden, floatType);
      const row = { module: `loss as ONNX, ${floatType}`, reference: lossesGolden.reference, tolerance };
      expect(actual.gradients.length).toBe(golden.gradients.length);
      expectParity({
        ...row,
        what: `value of ${title}: ${sample.name}`,
        actual: actual.loss,
        expected: unpackDoubles(golden.loss),
      });
      for (const [m, expected] of golden.gradients.entries()) {
        expectParity({
          ...row,
          what: `gradient ${m} of ${title}: ${sample.name}`,
          actual: actual.gradients[m]!,
          expected: unpackDoubles(expected),
        });
      }
    }
  });
});

import { readFileSync } from "node:fs";
import { describe, it } from "vitest";
import { differentiate } from "../../core/autodiff/index.ts";
import { createGraph, type Graph, type Value } from "../../core/graph/index.ts";
import type { LossPlugin, LossRecipe } from "../../core/plugin-api/index.ts";
import { compile } from "../../core/runtime/index.ts";
import { expectParity } from "../../test/support/parity.ts";
import { plugin as backdoor } from "./backdoor/index.ts";
import { plugin as bs } from "./bs/index.ts";
import { plugin as cb } from "./cb/index.ts";
import { plugin as ce } from "./ce/index.ts";
import { plugin as focal } from "./focal/index.ts";
import { plugin as glaTrain } from "./gla-train/index.ts";
import { plugin as grw } from "./grw/index.ts";
import { plugin as la } from "./la/index.ts";
import { plugin as lade } from "./lade/index.ts";
import { plugin as ldam } from "./ldam/index.ts";

interface GoldenLoss {
  readonly name: string;
  readonly options: Readonly<Record<string, unknown>>;
  /** Base64 of little-endian doubles, as all tensors here. */
  readonly loss: string;
  readonly gradients: readonly string[];
}
interface GoldenCase {
  readonly name: string;
  readonly batch: number;
  readonly classes: number;
  readonly counts: readonly number[];
  readonly pretrainPrior: readonly number[];
  readonly headScale: number;
  readonly masses: readonly number[];
  readonly labels: readonly number[];
  readonly logits: readonly string[];
  readonly losses: readonly GoldenLoss[];
}
const golden = JSON.parse(
  readFileSync(new URL("../../test/fixtures/losses/golden.json", import.meta.url), "utf8"),
) as { readonly reference: string; readonly cases: readonly GoldenCase[] };

const losses: Readonly<Record<string, LossPlugin<never>>> = Object.fromEntries(
  [backdoor, bs, cb, ce, focal, glaTrain, grw, la, lade, ldam].map((plugin) => [plugin.name, plugin]),
);

const unpack = (text: string): Float64Array => {
  const bytes = Buffer.from(text, "base64");
  return Float64Array.from({ length: bytes.length / 8 }, (_, i) => bytes.readDoubleLE(8 * i));
};

function buildLoss(g: Graph, recipe: LossRecipe, logits: readonly Value[], sample: GoldenCase): Value {
  const { classes, batch, counts, masses, headScale } = sample;
  const total = counts.reduce((sum, count) => sum + count, 0);
  const common = {
    labels: g.constant(sample.labels, [batch], "int64"),
    classPrior: g.constant(
      counts.map((count) => count / total),
      [classes],
    ),
  };
  const pretrainPrior = g.constant(sample.pretrainPrior, [classes]);
  if (recipe.mode === "joint") return recipe.build(g, { ...common, logits, strataPrior: masses });
  if (recipe.mode === "post-hoc") throw new TypeError("a post-hoc loss is not trained");
  return recipe.build(g, { ...common, logits: logits[0]!, classCounts: counts, headScale, pretrainPrior });
}

/** Value and gradients, all in double and with the graph as it was written. */
async function run(sample: GoldenCase, { name, options, gradients: wanted }: GoldenLoss) {
  const g = createGraph({ floatType: "float64" });
  const logits = wanted.map((_, m) => g.input(`z${m}`, "float64", [sample.batch, sample.classes]));
  const loss = buildLoss(g, losses[name]!.recipe(options as never), logits, sample);
  const gradients = differentiate(g, loss, logits);
  const outputs = { loss, ...Object.fromEntries(gradients.map((d, m) => [`d${m}`, d])) };
  const program = await compile(g, outputs, { optimize: "none", threads: 1 });
  const out = await program.run(
    Object.fromEntries(logits.map((z, m) => [z.name, unpack(sample.logits[m]!)])),
  );
  await program.release();
  return { loss: out.loss as Float64Array, gradients: wanted.map((_, m) => out[`d${m}`] as Float64Array) };
}

const shown = (options: GoldenLoss["options"]) =>
  Object.entries(options)
    .filter(([, value]) => typeof value === "number")
    .map(([name, value]) => `${name} ${value}`)
    .join(", ");

describe.each(golden.cases)("$name", (sample) => {
  it.each(
    sample.losses.map(
      (expected) => [`${expected.name} ${shown(expected.options)}`.trim(), expected] as const,
    ),
  )("%s", async (title, expected) => {
    const actual = await run(sample, expected);
    const row = { module: `loss ${expected.name}`, reference: golden.reference, tolerance: 1e-12 };
    expectParity({
      ...row,
      what: `value of ${title}: ${sample.name}`,
      actual: actual.loss,
      expected: unpack(expected.loss),
    });
    for (const [m, gradient] of expected.gradients.entries()) {
      expectParity({
        ...row,
        what: `gradient ${m} of ${title}: ${sample.name}`,
        actual: actual.gradients[m]!,
        expected: unpack(gradient),
      });
    }
  });
});

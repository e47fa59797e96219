import { describe, expect, it } from "vitest";
import { evaluateLoss } from "../../core/losses/index.ts";
import type { LossPlugin } from "../../core/plugin-api/index.ts";
import { lossesGolden, shownOptions, unpackDoubles } from "../../test/support/losses-golden.ts";
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

const losses: Readonly<Record<string, LossPlugin<never>>> = Object.fromEntries(
  [backdoor, bs, cb, ce, focal, glaTrain, grw, la, lade, ldam].map((plugin) => [plugin.name, plugin]),
);

/** Value and gradients, all in double and with the graph as it was written. */
describe.each(lossesGolden.cases)("$name", (sample) => {
  it.each(
    sample.losses.map((golden) => [`${golden.name} ${shownOptions(golden.options)}`.trim(), golden] as const),
  )("%s", async (title, golden) => {
    const plugin = losses[golden.name] as LossPlugin<Readonly<Record<string, unknown>>>;
    const { loss, gradients } = await evaluateLoss(plugin, golden.options, {
      logits: golden.gradients.map((_, m) => unpackDoubles(sample.logits[m]!)),
      labels: sample.labels,
      classCounts: sample.counts,
      pretrainPrior: sample.pretrainPrior,
      headScale: sample.headScale,
      // A loss over one model has no masses.
      ...(golden.name === "backdoor" ? { masses: sample.masses } : {}),
    });
    expect(gradients.length).toBe(golden.gradients.length);
    const row = { module: `loss ${golden.name}`, reference: lossesGolden.reference, tolerance: 1e-12 };
    expectParity({
      ...row,
      what: `value of ${title}: ${sample.name}`,
      actual: [loss],
      expected: unpackDoubles(golden.loss),
    });
    for (const [m, expected] of golden.gradients.entries()) {
      expectParity({
        ...row,
        what: `gradient ${m} of ${title}: ${sample.name}`,
        actual: gradients[m]!,
        expected: unpackDoubles(expected),
      });
    }
  });
});

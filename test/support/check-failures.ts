import { expect } from "vitest";
import { type CheckOptions, checkPlugin, describeReport } from "../../core/check/index.ts";
import {
  defineLoss,
  type Graph,
  type JsonSchema,
  type LossClaims,
  type LossInputs,
  type Plugin,
  type Value,
} from "../../core/plugin-api/index.ts";

export const none: JsonSchema = { type: "object", properties: {}, additionalProperties: false };
/** What every broken plugin has. */
export const about = { name: "broken", summary: "Broken on purpose", options: none };

/** Cross-entropy, to be broken. */
export const ce = (g: Graph, { logits, labels }: LossInputs) => g.crossEntropy(logits, labels);

/** A loss over one model by its formula. */
export const loss = (
  build: (g: Graph, inputs: LossInputs) => Value,
  more: LossClaims & { readonly wholeBatch?: true } = {},
) => defineLoss({ ...about, ...more, build });

/** What fails of a plugin, by the names of the checks, and how everything is told. */
export async function failures(plugin: Plugin, options: Partial<CheckOptions> = {}) {
  const report = await checkPlugin(plugin, { cost: false, ...options });
  const failed = report.findings.filter(({ verdict }) => verdict === "fail");
  expect(report.passed).toBe(failed.length === 0);
  for (const { repair } of failed) expect(repair).toMatch(/\w/);
  return { checks: [...new Set(failed.map(({ check }) => check))], text: describeReport(report) };
}

/** A way for a plugin to break, the check that sees it, and what it says. */
export type Broken = readonly [what: string, check: string, plugin: Plugin, text: RegExp];

/** Expects the check to fail, among others maybe. */
export async function expectFailure([, check, plugin, text]: Broken): Promise<void> {
  const { checks, text: told } = await failures(plugin);
  expect(checks).toContain(check);
  expect(told).toMatch(text);
}

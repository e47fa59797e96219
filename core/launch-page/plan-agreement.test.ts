import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseConfigDocument, validateConfig } from "../comparison/config/index.ts";
import { publishedComparisonSchema } from "../comparison/config/published-schema.ts";
import { planComparison } from "../comparison/plan/index.ts";
import { createContainer, resolve } from "../container/index.ts";
import { fromForm, toForm } from "./form-data.ts";
import { lossOffer } from "./loss-offers.ts";
import { planSize } from "./plan-size.ts";
import { requestSchema } from "./request-schema.ts";

const registry = resolve(await createContainer({ plugins: [], baseDir: "." }), "registry");
const names = registry.names("loss");
const offers = {
  datasets: ["icons-lt"],
  backbones: ["clip", "openclip", "metaclip"],
  losses: names.map((name) => {
    const plugin = registry.get("loss", name);
    const recipe = (own: object) => {
      const checked = registry.checkOptions("loss", name, { ...own });
      if (!checked.ok) throw new Error(`${name} refuses its options`);
      return plugin.recipe(checked.options as never);
    };
    return lossOffer({ name, options: plugin.options, recipe });
  }),
  pefts: ["lora"],
  devices: ["cpu"],
};
const schema = requestSchema(publishedComparisonSchema(registry), offers);

describe("the size that the page counts", () => {
  it("is that of the plan, for every built-in loss and their combinations", () => {
    const joint = { use: "backdoor", mode: "joint" };
    const choices = fc.oneof(
      fc.constantFrom<unknown>(...names),
      fc.constantFrom<unknown>(joint, { use: "la", tau: 2 }),
    );
    const configs = fc.record({
      losses: fc.uniqueArray(choices, { minLength: 1, maxLength: 6, selector: (one) => JSON.stringify(one) }),
      backbones: fc.subarray(offers.backbones, { minLength: 1 }),
      seeds: fc.uniqueArray(fc.nat(50), { minLength: 1, maxLength: 3 }),
    });
    fc.assert(
      fc.property(configs, (own) => {
        const config = { dataset: "icons-lt", peft: "lora", ...own };
        expect(fromForm(schema, toForm(schema, config).data)).toEqual(config);
        const text = JSON.stringify({ experiment: "e", ...config });
        const { cells } = planComparison(
          validateConfig(parseConfigDocument(text, "c.json"), registry),
          registry,
        );
        const trained = cells.filter(({ kind }) => kind !== "post-hoc");
        expect(planSize(config, offers)).toEqual({
          trainings: trained.length,
          work: trained.reduce((sum, { backbones }) => sum + backbones.length, 0),
          rows: cells.filter(({ implied, extraSeed }) => !implied && !extraSeed).length,
        });
      }),
      { numRuns: 80 },
    );
  });
});

import { createElement } from "react";
import { renderToStaticMarkup } from "react-dom/server";
import { expect, it, vi } from "vitest";
import { publishedComparisonSchema } from "../../core/comparison/config/published-schema.ts";
import { createContainer, resolve } from "../../core/container/index.ts";
import { requestSchema } from "../../core/launch-page/request-schema.ts";
import { defineLoss } from "../../core/plugin-api/index.ts";
import { App } from "./app.tsx";

// The form itself: the package's index also loads a helper for tests, and with it a validator that is not installed.
vi.mock(
  "@rjsf/core",
  () => import(new URL("../../node_modules/@rjsf/core/lib/components/Form.js", import.meta.url).href),
);

const steep = defineLoss<{ readonly slope: number }>({
  name: "steep",
  summary: "A loss of someone else",
  options: {
    type: "object",
    properties: {
      slope: { type: "number", minimum: 0, default: 3, title: "Slope", description: "How steep it is" },
    },
    additionalProperties: false,
  },
  build: (g, { logits, labels }, { slope }) => g.mul(slope, g.crossEntropy(logits, labels)),
});

const offers = { datasets: ["icons"], backbones: ["small"], pefts: ["lora"], devices: ["cpu"] };

async function formOf(losses: readonly string[]): Promise<string> {
  const registry = resolve(await createContainer({ plugins: [steep] }), "registry");
  const offered = { ...offers, losses };
  const schema = requestSchema(publishedComparisonSchema(registry), offered);
  const data = { experimentId: "1", experimentName: "icons", schema, presets: {}, offers: offered };
  return renderToStaticMarkup(createElement(App, { data }));
}

it("offers a third party's loss beside the built-in ones", async () => {
  const form = await formOf(["ce", "steep"]);
  expect(form).toContain("<option>steep</option>");
  // Its options come with the choice.
  expect(form).not.toContain("How steep it is");
});

it("shows its summary and a field for each of its options", async () => {
  const form = await formOf(["steep"]);
  expect(form).toContain("A loss of someone else");
  expect(form).toContain("Options of steep");
  expect(form).toMatch(/>Slope<\/label>/);
  expect(form).toContain("How steep it is");
  expect(form).toMatch(/<input[^>]*type="number"[^>]*value="3"/);
});

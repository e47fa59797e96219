import { describe, expect, it } from "vitest";
import { defineLoss, defineStrataLoss, type LossPlugin } from "../plugin-api/index.ts";
import {
  compileLoss,
  evaluateLoss,
  evaluateRecipe,
  listLosses,
  normalisedMasses,
  trainedLoss,
} from "./index.ts";

const schema = (properties: Record<string, Record<string, unknown>>) =>
  ({ type: "object", properties, additionalProperties: false }) as const;

/** Half the mean square of the logits times a factor: the gradient is factor · z / (B·K). */
const square = defineLoss<{ factor: number }>({
  name: "square",
  summary: "for tests",
  options: schema({ factor: { type: "number", default: 3 } }),
  build: (g, { logits }, { factor }) => g.mul(factor / 2, g.reduceMean(g.mul(logits, logits))),
});
const mixed = defineStrataLoss<{ when: "later" | "now" }>({
  name: "mixed",
  summary: "for tests",
  options: schema({ when: { enum: ["later", "now"], default: "later" } }),
  recipe: ({ when }) => {
    const predict = (_g: unknown, [first]: readonly unknown[]) => first as never;
    if (when === "later") return { mode: "post-hoc", base: { use: "square" }, predict };
    return {
      mode: "joint",
      predict,
      build: (g, { logits, strataPrior }) =>
        logits.map((z, m) => g.mul(strataPrior[m]!, g.reduceMean(z))).reduce((sum, z) => g.add(sum, z)),
    };
  },
});
const never = defineStrataLoss<Record<string, never>>({
  ...mixed,
  name: "never",
  options: schema({}),
  recipe: () => ({ mode: "post-hoc", base: { use: "square" }, predict: (_g, [first]) => first! }),
});

const arrays = { logits: Float64Array.from([1, -2, 3, 0.5]), labels: [0, 1], classCounts: [3, 1] };

describe("a loss on arrays", () => {
  it.each([Float32Array, Float64Array])("has a value and gradients of the logits' type: %o", async (type) => {
    const logits = type.from(arrays.logits) as Float32Array;
    const { loss, gradients } = await evaluateLoss(square, {}, { ...arrays, logits });
    expect(loss).toBe((3 / 8) * (1 + 4 + 9 + 0.25));
    expect(gradients).toEqual([type.from([0.75, -1.5, 2.25, 0.375])]);
  });

  it("weighs models by their masses, uniformly when there are none", async () => {
    const two = { ...arrays, logits: [arrays.logits, arrays.logits] };
    const { gradients } = await evaluateLoss(mixed, { when: "now" }, { ...two, masses: [3, 1] });
    expect(gradients.map((gradient) => gradient[0])).toEqual([3 / 16, 1 / 16]);
    const even = await evaluateLoss(mixed, { when: "now" }, two);
    expect(even.gradients.map((gradient) => gradient[0])).toEqual([1 / 8, 1 / 8]);
  });

  it("is compiled once for many batches", async () => {
    const { recipe } = trainedLoss(square);
    const compiled = await compileLoss<Float32Array>(recipe, { batch: 1, classes: 2, classCounts: [1, 1] });
    for (const z of [1, 2]) {
      const { loss } = await compiled.evaluate({ logits: Float32Array.from([z, z]), labels: [0] });
      expect(loss).toBe(1.5 * z * z);
    }
    await compiled.release();
    await expect(compiled.evaluate({ logits: new Float32Array(2), labels: [0] })).rejects.toThrow(/released/);
  });

  it.each<[string, object, RegExp]>([
    ["a label outside the classes", { labels: [0, 2] }, /label 2 of sample 1 is not a class of 0 … 1/],
    ["logits of another size", { logits: new Float64Array(3) }, /logits 0: 3 numbers, not \[2, 2\] = 4/],
    ["no samples", { labels: [] }, /there are no labels/],
    ["a class without images", { classCounts: [3, 0] }, /1 of 2 classes have no training image \(labels 1\)/],
    ["a prior of 0", { classPrior: [1, 0] }, /classPrior of class 1 is 0/],
    [
      "logits of two models",
      { logits: [arrays.logits, arrays.logits] },
      /over one model, and there are logits of 2/,
    ],
    ["masses for others", { masses: [1, 2] }, /2 weights for 1 models/],
  ])("refuses %s", async (_what, change, message) => {
    await expect(evaluateLoss(square, {}, { ...arrays, ...change })).rejects.toThrow(message);
  });

  it("refuses an option that the loss does not have, and names what was meant", async () => {
    const misspelt = { facter: 2 } as Record<string, number>;
    await expect(
      evaluateLoss(square as LossPlugin<Record<string, number>>, misspelt, arrays),
    ).rejects.toThrow(/loss square: .*facter/);
  });
});

describe("the form of a loss that is trained", () => {
  it("is the loss itself where it is trained", () => {
    expect(trainedLoss(square)).toMatchObject({ name: "square", options: { factor: 3 } });
    expect(trainedLoss(square)).not.toHaveProperty("changed");
  });

  it("is found by the value of an option that was not given", () => {
    expect(trainedLoss(mixed)).toMatchObject({
      recipe: { mode: "joint" },
      options: { when: "now" },
      changed: { option: "when", from: "later", to: "now" },
    });
    expect(() => trainedLoss(mixed, { when: "later" })).toThrow(/mixed has no loss of its own/);
  });

  it("does not exist for what is made after training only", () => {
    expect(() => trainedLoss(never)).toThrow(/never has no loss of its own/);
  });
});

describe("the losses that come along", () => {
  it("all have a value and gradients, or say that they have none", async () => {
    const losses = await listLosses();
    expect(losses.length).toBeGreaterThan(10);
    for (const plugin of losses) {
      let recipe: ReturnType<typeof trainedLoss>["recipe"];
      try {
        ({ recipe } = trainedLoss(plugin));
      } catch (error) {
        expect(plugin.recipe(trainedDefaults(plugin)).mode, `${plugin.name}: ${error}`).toBe("post-hoc");
        continue;
      }
      const result = await evaluateRecipe(recipe, { ...arrays, pretrainPrior: [0.5, 0.5] });
      expect(Number.isFinite(result.loss), plugin.name).toBe(true);
      expect(
        result.gradients[0]!.some((slope) => slope !== 0),
        plugin.name,
      ).toBe(true);
    }
  });

  it("have masses that sum to 1", () => {
    const { recipe } = trainedLoss(mixed);
    expect(normalisedMasses(recipe, 2, [1, 3])).toEqual([0.25, 0.75]);
    expect(() => normalisedMasses(recipe, 2, [1, 0])).toThrow(/must be finite and above 0/);
  });
});

const trainedDefaults = ({ options }: LossPlugin<Record<string, unknown>>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(options.properties).map(([name, { default: value }]) => [name, value]));

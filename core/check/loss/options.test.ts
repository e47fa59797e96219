import { describe, expect, it } from "vitest";
import {
  about,
  type Broken,
  ce,
  expectFailure,
  failures,
  none,
} from "../../../test/support/check-failures.ts";
import {
  DualtailError,
  defineLoss,
  defineStrataLoss,
  type Graph,
  type JsonSchema,
  type PostHocRecipe,
  type Value,
} from "../../plugin-api/index.ts";

const postHoc = (recipe: Omit<PostHocRecipe, "mode" | "predict">) =>
  defineStrataLoss({ ...about, recipe: () => ({ mode: "post-hoc", predict: (_g, [z]) => z!, ...recipe }) });
const overStrata = (use: string, options: Record<string, unknown>) =>
  defineStrataLoss({
    ...about,
    recipe: () => ({
      mode: "single",
      needs: [],
      strata: { use, options, predict: (_g, [z]) => z! },
      build: ce,
    }),
  });

describe("a recipe that breaks", () => {
  it.each<Broken>([
    [
      "its own options",
      "recipe",
      defineStrataLoss<{ tau: number }>({
        ...about,
        options: { ...none, properties: { tau: { type: "number", default: 1 } } },
        recipe: (options) => {
          options.tau *= 2;
          return { mode: "single", needs: [], build: ce };
        },
      }),
      /do not change `options`/,
    ],
    [
      "options of its base",
      "recipe",
      postHoc({ base: { use: "la", tua: 1 } }),
      /base "la" refuses {"tua":1}/,
    ],
    [
      "a base that is combined itself",
      "recipe",
      postHoc({ base: { use: "backdoor" } }),
      /base "backdoor" is not a loss over one model but post-hoc/,
    ],
    ["a base that there is not", "recipe", postHoc({ base: { use: "mine" } }), /does not exist\n.*--plugin/],
    [
      "seeds of nothing",
      "recipe",
      postHoc({ over: "seeds", needs: ["zeroShot"] }),
      /runs of several seeds, but of no loss/,
    ],
    [
      "strata that there are not",
      "recipe",
      overStrata("mine", {}),
      /the source of strata "mine", which does not exist/,
    ],
    [
      "options of its strata",
      "recipe",
      overStrata("k-means", { clusterz: 3 }),
      /the source of strata "k-means" refuses {"clusterz":3}/,
    ],
    [
      "defaults of its strata",
      "recipe",
      overStrata("k-means", {}),
      /leaves out options of the source of strata "k-means": clusters.*\n.*`chooses/,
    ],
  ])("%s fails", async (...broken) => {
    await expectFailure(broken);
  });
});

describe("an option with one value per class", () => {
  const options: JsonSchema = {
    ...none,
    properties: { weights: { type: "array", items: { type: "number" }, description: "One per class" } },
    required: ["weights"],
  };
  const weighted = (build: (g: Graph, own: Value, nll: Value) => Value, refuses = true) =>
    defineLoss<{ weights: readonly number[] }>({
      ...about,
      options,
      build: (g, { logits, labels, classCounts }, { weights }) => {
        if (refuses && weights.length !== classCounts.length)
          throw new DualtailError(`weights: ${weights.length} for ${classCounts.length} classes`);
        const all = g.constant(weights, [weights.length]);
        const shifted = g.add(logits, all);
        return build(g, g.gather(all, labels), g.negativeLogLikelihood(shifted, labels));
      },
    });
  const right = weighted((g, own, nll) => g.reduceMean(g.mul(own, nll)));

  it.each([
    ["4", [1, 2, 3, 4]],
    ["as many as it says", [1, 2, 3, 4, 5, 6, 7]],
  ])("passes with %s classes, and the numbers it refuses are told", async (_what, weights) => {
    const { checks, text } = await failures(right, { options: { weights }, cost: true });
    expect(checks).toEqual([]);
    for (const check of ["1 class", "10,000 classes", "class order, 200 classes", "cost"])
      expect(text).toMatch(
        new RegExp(
          `note +${check} +it refuses other numbers of classes than ${weights.length}: weights: ${weights.length} for \\d+ classes`,
        ),
      );
    expect(text).toMatch(/ok +class order +renumbering the classes changes nothing/);
  });

  it("fails where the order of the classes still matters", async () => {
    const ranked = weighted((g, own, nll) => g.reduceMean(g.mul(g.exp(own), nll)), true);
    const byNumber = {
      ...ranked,
      recipe: ({ weights }: { weights: readonly number[] }) =>
        ranked.recipe({ weights: weights.map((weight, k) => weight * (k + 1)) }),
    };
    const { checks } = await failures(byNumber, { options: { weights: [1, 2, 1, 2] } });
    expect(checks).toEqual(["class order"]);
  });

  it("fails where another number of classes is run into", async () => {
    const careless = weighted((g, own, nll) => g.reduceMean(g.mul(own, nll)), false);
    const { checks, text } = await failures(careless, { options: { weights: [1, 2, 3, 4] } });
    // 1 class goes well, by broadcasting.
    expect(checks).toEqual(["10,000 classes", "class order, 200 classes"]);
    expect(text).toMatch(/→ an option with one value per class: .*throw a DualtailError/);
  });
});

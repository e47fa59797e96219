import { isDeepStrictEqual } from "node:util";
import type { PluginRegistry } from "../../container/index.ts";
import type { Problem } from "../../container/schema/problem.ts";
import { describeError } from "../../errors.ts";
import type { LossPlugin, LossRecipe, PostHocRecipe, SingleRecipe } from "../../plugin-api/index.ts";
import { fail, type Outcome, ok } from "../findings.ts";

const MODES = ["single", "joint", "post-hoc"] as const;
const FUNCTIONS = { single: ["build"], joint: ["build", "predict"], "post-hoc": ["predict"] } as const;
const WHERE = "see dualtail list; a plugin of your own is added with --plugin";

/** What the type of a recipe promises and plain JavaScript may break, and what a comparison would refuse of it. */
export function describeRecipe(recipe: LossRecipe, registry: PluginRegistry): Outcome {
  if (typeof recipe !== "object" || recipe === null || !MODES.includes(recipe.mode)) {
    return fail(
      `\`recipe\` gives ${JSON.stringify(recipe)} without a known \`mode\``,
      `return an object with mode: ${MODES.map((mode) => `"${mode}"`).join(", ")}`,
    );
  }
  for (const name of FUNCTIONS[recipe.mode]) {
    if (typeof (recipe as unknown as Record<string, unknown>)[name] !== "function")
      return fail(`its ${recipe.mode} recipe has no function \`${name}\``, `add \`${name}\``);
  }
  if (recipe.mode === "single") return describeSingle(recipe, registry);
  if (recipe.strataWeights?.some((mass) => !(mass > 0 && Number.isFinite(mass))))
    return fail(`its masses are ${recipe.strataWeights.join(", ")}`, "masses are numbers above 0");
  return recipe.mode === "joint"
    ? ok("joint: all backbones trained together")
    : describePostHoc(recipe, registry);
}

function describeSingle({ needs, strata }: SingleRecipe, registry: PluginRegistry): Outcome {
  if (!Array.isArray(needs))
    return fail("its single recipe has no list `needs`", "add `needs: []`, or use defineLoss");
  if (strata === undefined) return ok("single: trained per backbone");
  const { use, options, predict } = strata;
  const named = `the source of strata "${use}"`;
  if (typeof options !== "object" || options === null)
    return fail(`it gives ${named} no \`options\``, "add `options: {}`");
  if (typeof predict !== "function")
    return fail("its `strata` have no function `predict`", "add `predict`, over the strata's logits");
  if (!registry.has("strata", use)) return fail(`it uses ${named}, which does not exist`, WHERE);
  const checked = registry.checkOptions("strata", use, options);
  if (!checked.ok) return refused(named, options, checked.problems);
  // They reach the source as they stand here.
  const left = Object.keys(checked.options).filter(
    (name) => !isDeepStrictEqual(checked.options[name], options[name]),
  );
  return left.length > 0
    ? fail(
        `it leaves out options of ${named}: ${left.join(", ")}`,
        'defaults are not filled in here: name every option, or let `chooses: { …: "strata" }` do it',
      )
    : ok(`single: trained per backbone, over strata of "${use}"`);
}

function refused(
  named: string,
  options: Readonly<Record<string, unknown>>,
  problems: readonly Problem[],
): Outcome {
  const { path, problem, hint } = problems[0]!;
  return fail(
    `${named} refuses ${JSON.stringify(options)}: ${path.join(".")} ${problem}`,
    hint ?? "see dualtail list",
  );
}

function describePostHoc(
  { base, needs = [], over = "backbones", runs }: PostHocRecipe,
  registry: PluginRegistry,
): Outcome {
  if (base === undefined) {
    if (over === "seeds")
      return fail("it combines runs of several seeds, but of no loss", "give `base`, or another `over`");
    return needs.includes("zeroShot")
      ? ok("post-hoc: nothing is trained")
      : fail(
          "it has no base and does not need zero-shot logits, so that there is nothing to combine",
          'give `base`, or `needs: ["zeroShot"]`',
        );
  }
  const { use, ...options } = base;
  const named = `its base "${use}"`;
  if (!registry.has("loss", use)) return fail(`${named} does not exist`, WHERE);
  const checked = registry.checkOptions("loss", use, options);
  if (!checked.ok) return refused(named, options, checked.problems);
  let mode: LossRecipe["mode"];
  try {
    ({ mode } = (registry.get("loss", use) as LossPlugin).recipe(checked.options));
  } catch (error) {
    return fail(`${named} refuses ${JSON.stringify(options)}: ${describeError(error)}`, "see dualtail list");
  }
  if (mode !== "single")
    return fail(
      `${named} is not a loss over one model but ${mode}`,
      "a base is trained once per backbone: name a loss whose recipe is `single`",
    );
  if (runs !== undefined && !(Number.isInteger(runs) && runs >= 2))
    return fail(`it combines ${runs} runs`, "at least 2 runs can be combined");
  return ok(`post-hoc: combines ${use} runs over ${over}`);
}

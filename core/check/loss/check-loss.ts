import type { PluginRegistry } from "../../container/index.ts";
import { DualtailError, describeError } from "../../errors.ts";
import type { LossPlugin, LossRecipe, PostHocRecipe } from "../../plugin-api/index.ts";
import { RunError } from "../../runtime/index.ts";
import { type Findings, fail, note, type Outcome, ok } from "../findings.ts";
import { DOUBLE, type Precision, SINGLE, show } from "../precision.ts";
import type { Variant } from "../variants.ts";
import { predictOf, type TrainedRecipe } from "./evaluate.ts";
import {
  classOrderPredicted,
  determinismPredicted,
  extremesPredicted,
  type PredictedSubject,
  predicts,
  sampleAlone,
  shiftPredicted,
} from "./prediction.ts";
import { makeProblem } from "./problem.ts";
import { costOf, MANY_CLASSES, manyClasses, manyClassesPredicted } from "./size.ts";
import {
  batchOrder,
  batchSize,
  builds,
  classOrder,
  determinism,
  emptyClasses,
  extremes,
  gradient,
  missingClasses,
  oneClass,
  problemFor,
  shift,
  type TrainedSubject,
  withLoss,
} from "./training.ts";

/** Checks of what is trained, by name, in the order in which they are told. */
const TRAINED: Readonly<Record<string, (subject: TrainedSubject) => Promise<Outcome>>> = {
  "extreme logits": extremes,
  "1 class": oneClass,
  "10,000 classes": ({ recipe, ...subject }) =>
    manyClasses(recipe, problemFor(subject, { batch: 4, classes: MANY_CLASSES })),
  "missing classes": missingClasses,
  gradient,
  "class order": classOrder,
  "batch order": batchOrder,
  "batch size": batchSize,
  shift,
  determinism,
};

/** Checks of what predicts. */
const PREDICTED: Readonly<Record<string, (subject: PredictedSubject) => Promise<Outcome>>> = {
  "prediction, extreme logits": extremesPredicted,
  "prediction, 10,000 classes": ({ recipe, ...subject }) =>
    manyClassesPredicted(recipe, makeProblem({ ...subject, batch: 4, classes: MANY_CLASSES })),
  "prediction, class order": classOrderPredicted,
  "prediction, sample alone": sampleAlone,
  "prediction, shift": shiftPredicted,
  "prediction, determinism": determinismPredicted,
};

/** Everything that is asked of a loss, with one set of options; `cost` measures too. */
export async function checkLoss(
  plugin: LossPlugin,
  { label: where, options }: Variant,
  findings: Findings,
  {
    registry,
    cost,
    isDefault,
  }: { readonly registry: PluginRegistry; readonly cost: boolean; readonly isDefault: boolean },
): Promise<void> {
  let recipe: LossRecipe;
  try {
    recipe = plugin.recipe(options);
  } catch (error) {
    await findings.run("recipe", where, () => {
      if (!isDefault && error instanceof DualtailError)
        return note(`it refuses these options: ${error.oneLine}`);
      return fail(
        `\`recipe\` throws: ${describeError(error)}`,
        error instanceof TypeError && /read only|not extensible|frozen/.test(error.message)
          ? "do not change `options`; copy them first"
          : "the options are valid by its own schema: handle them, or narrow the schema",
      );
    });
    return;
  }
  if (!(await findings.run("recipe", where, () => describeRecipe(recipe, registry)))) return;
  const again = () => plugin.recipe(options);
  const strata = strataOf(recipe);
  if (recipe.mode !== "post-hoc") {
    const trained: Omit<TrainedSubject, "precision"> = {
      ...strata,
      recipe,
      again: again as () => TrainedRecipe,
      claims: plugin,
      isDefault,
    };
    const precision = await precisionOf(trained, findings, where);
    if (precision === undefined) return;
    const subject = { ...trained, precision };
    for (const [check, run] of Object.entries(TRAINED)) await findings.run(check, where, () => run(subject));
    if (recipe.mode === "single") await findings.run("empty classes", where, () => emptyClasses(subject));
    if (cost) await findings.run("cost", where, () => describeCost(recipe, subject));
  }
  if (predictOf(recipe) === undefined) return;
  const subject: PredictedSubject = {
    ...strata,
    recipe,
    again,
    precision: DOUBLE,
    claims: plugin,
  };
  if (!(await findings.run("prediction", where, () => predicts(subject)))) return;
  for (const [check, run] of Object.entries(PREDICTED)) await findings.run(check, where, () => run(subject));
}

/** Double precision where every operator has a kernel for it; undefined where the loss does not even build. */
async function precisionOf(
  subject: Omit<TrainedSubject, "precision">,
  findings: Findings,
  where: string,
): Promise<Precision | undefined> {
  const attempt = async (precision: Precision) => {
    const p = problemFor(subject);
    await withLoss(subject.recipe, p, precision.floatType, (open) => open.at(p));
  };
  let precision = DOUBLE;
  try {
    await attempt(DOUBLE);
  } catch (error) {
    // Anything else is told by the check itself.
    if (error instanceof RunError) precision = SINGLE;
  }
  const built = await findings.run("builds", where, () => builds({ ...subject, precision }), REPAIR_BUILD);
  if (built && precision === SINGLE) {
    await findings.run("builds", where, () =>
      note(
        "onnxruntime has no double-precision kernel for some operator: checked in single precision, less sharply",
      ),
    );
  }
  return built ? precision : undefined;
}

const REPAIR_BUILD =
  "`build` must return one number (g.reduceMean) in the precision of `logits`: make constants with g.constant(values, shape), without a dtype";

/** As many strata as the recipe combines. */
function strataOf(recipe: LossRecipe): { readonly strata: number; readonly masses?: readonly number[] } {
  if (recipe.mode === "single") return { strata: recipe.strata ? 3 : 1 };
  const { strataWeights } = recipe;
  if (strataWeights) return { strata: strataWeights.length, masses: strataWeights };
  if (recipe.mode === "post-hoc" && recipe.over === "one") return { strata: 1 };
  return { strata: (recipe.mode === "post-hoc" && recipe.runs) || 3 };
}

/** What the type of a recipe promises and plain JavaScript may break. */
function describeRecipe(recipe: LossRecipe, registry: PluginRegistry): Outcome {
  const known = ["single", "joint", "post-hoc"];
  if (typeof recipe !== "object" || recipe === null || !known.includes(recipe.mode)) {
    return fail(
      `\`recipe\` gives ${JSON.stringify(recipe)} without a known \`mode\``,
      `return an object with mode: ${known.map((mode) => `"${mode}"`).join(", ")}`,
    );
  }
  const functions = { single: ["build"], joint: ["build", "predict"], "post-hoc": ["predict"] }[recipe.mode];
  for (const name of functions) {
    if (typeof (recipe as unknown as Record<string, unknown>)[name] !== "function")
      return fail(`its ${recipe.mode} recipe has no function \`${name}\``, `add \`${name}\``);
  }
  if (recipe.mode === "single") {
    if (!Array.isArray(recipe.needs))
      return fail("its single recipe has no list `needs`", "add `needs: []`, or use defineLoss");
    return recipe.strata && !registry.has("strata", recipe.strata.use)
      ? fail(`it uses the source of strata "${recipe.strata.use}", which does not exist`, "see dualtail list")
      : ok("single: trained per backbone");
  }
  if (recipe.strataWeights?.some((mass) => !(mass > 0 && Number.isFinite(mass))))
    return fail(`its masses are ${recipe.strataWeights.join(", ")}`, "masses are numbers above 0");
  return recipe.mode === "joint"
    ? ok("joint: all backbones trained together")
    : describePostHoc(recipe, registry);
}

function describePostHoc(
  { base, needs = [], over = "backbones", runs }: PostHocRecipe,
  registry: PluginRegistry,
): Outcome {
  if (base === undefined) {
    return needs.includes("zeroShot")
      ? ok("post-hoc: nothing is trained")
      : fail(
          "it has no base and does not need zero-shot logits, so that there is nothing to combine",
          'give `base`, or `needs: ["zeroShot"]`',
        );
  }
  const { use, ...options } = base;
  if (!registry.has("loss", use))
    return fail(`its base "${use}" does not exist`, "see dualtail list for the losses");
  const checked = registry.checkOptions("loss", use, options);
  if (!checked.ok) {
    const [problem] = checked.problems;
    return fail(
      `its base "${use}" refuses ${JSON.stringify(options)}: ${problem!.path.join(".")} ${problem!.problem}`,
      problem!.hint ?? "see dualtail list",
    );
  }
  if (runs !== undefined && !(Number.isInteger(runs) && runs >= 2))
    return fail(`it combines ${runs} runs`, "at least 2 runs can be combined");
  return ok(`post-hoc: combines ${use} runs over ${over}`);
}

async function describeCost(recipe: TrainedRecipe, subject: TrainedSubject): Promise<Outcome> {
  const { ms, crossEntropyMs, nodes, crossEntropyNodes, batch, classes } = await costOf(recipe, (b, k) =>
    problemFor(subject, { batch: b, classes: k }),
  );
  const times = `${show(Number((ms / crossEntropyMs).toPrecision(2)))} × the time of cross-entropy`;
  return note(
    `${times} (${ms.toFixed(2)} ms to ${crossEntropyMs.toFixed(2)} ms for loss and gradient of ${batch} × ${classes} logits on one thread), ${nodes} operators to ${crossEntropyNodes}`,
  );
}

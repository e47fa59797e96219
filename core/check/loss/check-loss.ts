import type { PluginRegistry } from "../../container/index.ts";
import { DualtailError, describeError } from "../../errors.ts";
import { createGraph } from "../../graph/index.ts";
import type { LossPlugin, LossRecipe } from "../../plugin-api/index.ts";
import { RunError } from "../../runtime/index.ts";
import { type Findings, fail, note, type Outcome } from "../findings.ts";
import { DOUBLE, type Precision, SINGLE } from "../precision.ts";
import type { Variant } from "../variants.ts";
import { batchOrder, batchSize } from "./batch.ts";
import {
  classOrder,
  classOrderPredicted,
  manyClassesOrder,
  manyClassesOrderPredicted,
} from "./class-order.ts";
import { classesOf, renumberOptions } from "./classes.ts";
import { cost } from "./cost.ts";
import { determinism, determinismPredicted } from "./determinism.ts";
import { buildLoss, buildPrediction, predictOf, type TrainedRecipe } from "./evaluate.ts";
import { direction, labels } from "./labels.ts";
import { extremesPredicted, oneClassPredicted, predicts, sampleAlone, shiftPredicted } from "./prediction.ts";
import { describeRecipe } from "./recipe.ts";
import { manyClasses, manyClassesPredicted } from "./size.ts";
import {
  problemFor,
  type Subject,
  type TrainedSubject,
  unlessRefused,
  withLoss,
  withPrediction,
} from "./subject.ts";
import { builds, emptyClasses, extremes, gradient, missingClasses, oneClass, shift } from "./training.ts";

type Checks<S> = Readonly<Record<string, (subject: S) => Promise<Outcome>>>;

/** Checks of what is trained, by name, in the order in which they are told. */
const TRAINED: Checks<TrainedSubject> = {
  "extreme logits": extremes,
  "1 class": unlessRefused(oneClass),
  "10,000 classes": unlessRefused(manyClasses),
  "missing classes": missingClasses,
  gradient,
  labels,
  direction,
  "class order": classOrder,
  "class order, 200 classes": unlessRefused(manyClassesOrder),
  "batch order": batchOrder,
  "batch size": batchSize,
  shift,
  determinism,
};

/** Checks of what predicts. */
const PREDICTED: Checks<Subject> = {
  "prediction, extreme logits": extremesPredicted,
  "prediction, 1 class": unlessRefused(oneClassPredicted),
  "prediction, 10,000 classes": unlessRefused(manyClassesPredicted),
  "prediction, class order": classOrderPredicted,
  "prediction, class order, 200 classes": unlessRefused(manyClassesOrderPredicted),
  "prediction, sample alone": sampleAlone,
  "prediction, shift": shiftPredicted,
  "prediction, determinism": determinismPredicted,
};

const REPAIR_BUILD =
  "`build` must return one number (g.reduceMean) in the precision of `logits`: make constants with g.constant(values, shape), without a dtype";
const REPAIR_PER_CLASS =
  "an option with one value per class: where there are not `classCounts.length` of them, throw a DualtailError that says so";

/** Everything that is asked of a loss, with one set of options; `cost` measures too. */
export async function checkLoss(
  plugin: LossPlugin,
  { label: where, options }: Variant,
  findings: Findings,
  context: {
    readonly registry: PluginRegistry;
    readonly cost: boolean;
    readonly isDefault: boolean;
    /** The plugin, imported anew. */
    readonly fresh?: () => Promise<LossPlugin>;
  },
): Promise<void> {
  const { registry, isDefault, fresh } = context;
  let recipe: LossRecipe;
  try {
    recipe = plugin.recipe(options);
  } catch (error) {
    await findings.run("recipe", where, () => describeThrown(error, isDefault));
    return;
  }
  if (!(await findings.run("recipe", where, () => describeRecipe(recipe, registry)))) return;
  const strata = strataOf(recipe);
  const { classes, isFixed } = classesOf(options, (count) => {
    const p = problemFor({ ...strata, classes: count });
    if (recipe.mode !== "post-hoc") buildLoss(createGraph({ floatType: "float64" }), recipe, p);
    if (predictOf(recipe)) buildPrediction(createGraph({ floatType: "float64" }), recipe, p);
  });
  const common = { ...strata, classes, isDefault, claims: plugin };
  /** Recipes of the same mode as that of `recipe`. */
  const makes = <R extends LossRecipe>() => ({
    again: () => plugin.recipe(options) as R,
    renumbered: (order: readonly number[]) =>
      plugin.recipe(isFixed ? renumberOptions(options, order) : options) as R,
    ...(fresh ? { fresh: async () => (await fresh()).recipe(options) as R } : {}),
  });
  const inTurn = async <S>(subject: S, checks: Checks<S>) => {
    for (const [check, run] of Object.entries(checks))
      await findings.run(check, where, () => run(subject), isFixed ? REPAIR_PER_CLASS : undefined);
  };

  if (recipe.mode !== "post-hoc") {
    const p = problemFor(common);
    const precision = await precisionOf((floatType) => withLoss(recipe, p, floatType, (open) => open.at(p)));
    const subject: TrainedSubject = { ...common, ...makes<TrainedRecipe>(), recipe, precision };
    if (!(await findings.run("builds", where, () => builds(subject), REPAIR_BUILD))) return;
    await tellPrecision("builds", precision, findings, where);
    await inTurn(subject, TRAINED);
    if (recipe.mode === "single") await findings.run("empty classes", where, () => emptyClasses(subject));
    if (context.cost) await inTurn(subject, { cost: unlessRefused(cost) });
  }
  if (predictOf(recipe) === undefined) return;
  const p = problemFor(common);
  const precision = await precisionOf((floatType) =>
    withPrediction(recipe, p, floatType, (open) => open.at(p)),
  );
  const subject: Subject = { ...common, ...makes<LossRecipe>(), recipe, precision };
  if (!(await findings.run("prediction", where, () => predicts(subject)))) return;
  await tellPrecision("prediction", precision, findings, where);
  await inTurn(subject, PREDICTED);
}

function describeThrown(error: unknown, isDefault: boolean): Outcome {
  if (!isDefault && error instanceof DualtailError) return note(`it refuses these options: ${error.oneLine}`);
  return fail(
    `\`recipe\` throws: ${describeError(error)}`,
    error instanceof TypeError && /read only|not extensible|frozen/.test(error.message)
      ? "do not change `options`; copy them first"
      : "the options are valid by its own schema: handle them, or narrow the schema",
  );
}

/** Double precision where every operator has a kernel for it. */
async function precisionOf(attempt: (floatType: Precision["floatType"]) => Promise<unknown>) {
  try {
    await attempt(DOUBLE.floatType);
  } catch (error) {
    if (error instanceof RunError) return SINGLE;
    // Anything else is told by the check that does the same.
  }
  return DOUBLE;
}

async function tellPrecision(check: string, precision: Precision, findings: Findings, where: string) {
  if (precision === DOUBLE) return;
  await findings.run(check, where, () =>
    note(
      "onnxruntime has no double-precision kernel for some operator: checked in single precision, less sharply",
    ),
  );
}

/** As many strata as the recipe combines. */
function strataOf(recipe: LossRecipe): { readonly strata: number; readonly masses?: readonly number[] } {
  if (recipe.mode === "single") return { strata: recipe.strata ? 3 : 1 };
  const { strataWeights } = recipe;
  if (strataWeights) return { strata: strataWeights.length, masses: strataWeights };
  if (recipe.mode === "post-hoc" && recipe.over === "one") return { strata: 1 };
  return { strata: (recipe.mode === "post-hoc" && recipe.runs) || 3 };
}

import { createAjv } from "../container/schema/ajv.ts";
import { explain } from "../container/schema/explain.ts";
import { toPointer } from "../container/schema/problem.ts";
import { ConfigError, DualtailError } from "../errors.ts";
import type { JointRecipe, LossPlugin, LossRecipe, SingleRecipe } from "../plugin-api/index.ts";

/** A recipe that is trained: over one model, or over all of them together. */
export type TrainedRecipe = SingleRecipe | JointRecipe;

/** A loss at options, checked and with their defaults. */
export interface ChosenLoss<R extends LossRecipe = LossRecipe> {
  readonly name: string;
  readonly options: Readonly<Record<string, unknown>>;
  readonly recipe: R;
}

/**
 * The recipe of a loss at options, checked against the loss's schema. An option that names a plugin of another kind
 * reaches the recipe as `{ use, … }`; whether there is such a plugin is not checked here.
 * @throws ConfigError for the first option that does not fit; its path is within the options
 */
export function lossRecipe<O>(plugin: LossPlugin<O>, options: Partial<O> = {}): ChosenLoss {
  const { $id: _id, ...schema } = plugin.options;
  const filled = structuredClone(options) as Record<string, unknown>;
  const check = createAjv({ fillDefaults: true }).compile(schema);
  if (!check(filled)) {
    const [first] = explain(check.errors ?? []);
    throw new ConfigError(toPointer(first!.path), first!.problem, {
      source: `loss ${plugin.name}`,
      ...(first!.hint === undefined ? {} : { hint: first!.hint }),
    });
  }
  for (const option of Object.keys(plugin.chooses ?? {})) {
    if (typeof filled[option] === "string") filled[option] = { use: filled[option] };
  }
  return { name: plugin.name, options: filled, recipe: plugin.recipe(filled as O) };
}

/** A loss in the form that is trained, and what was chosen to get there. */
export interface TrainedLoss extends ChosenLoss<TrainedRecipe> {
  /** The option whose value was changed, where the loss at the options that were asked for is made after training. */
  readonly changed?: { readonly option: string; readonly from: unknown; readonly to: unknown };
}

/**
 * The form of a loss that has a value and gradients. Where the options ask for a combination after training and one
 * other value of an option of a few values (`enum`) makes the loss one that is trained, that is the one taken, unless
 * the option was given.
 * @throws ConfigError for options that do not fit; DualtailError for a loss that is only ever made after training
 */
export function trainedLoss<O>(plugin: LossPlugin<O>, options: Partial<O> = {}): TrainedLoss {
  const chosen = lossRecipe(plugin, options);
  if (isTrained(chosen)) return chosen;
  for (const [option, { enum: values }] of Object.entries(plugin.options.properties)) {
    if (!Array.isArray(values) || Object.hasOwn(options, option)) continue;
    for (const to of values as unknown[]) {
      const other = lossRecipe(plugin, { ...options, [option]: to } as Partial<O>);
      if (isTrained(other)) return { ...other, changed: { option, from: chosen.options[option], to } };
    }
  }
  const { base } = chosen.recipe as LossRecipe & { mode: "post-hoc" };
  throw new DualtailError(`${plugin.name} has no loss of its own: it combines models after training`, {
    hint:
      base === undefined
        ? "it trains nothing at all; its prediction can be exported (--prediction)"
        : `train each model with ${JSON.stringify(base)}; its prediction over them can be exported (--prediction)`,
  });
}

const isTrained = (chosen: ChosenLoss): chosen is ChosenLoss<TrainedRecipe> =>
  chosen.recipe.mode !== "post-hoc";

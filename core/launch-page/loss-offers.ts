import type { JsonObject, LossForm, LossOffer } from "./types.ts";

/** What is read of a loss's recipe (core/plugin-api). */
interface Recipe {
  readonly mode: LossForm["mode"];
  readonly base?: { readonly use: string; readonly [option: string]: unknown };
  readonly over?: LossForm["over"];
  readonly runs?: number;
}

export interface OfferedLoss {
  readonly name: string;
  /** JSON Schema of its options. */
  readonly options: JsonObject;
  /** Its recipe for these options, to which the callee adds the defaults. */
  recipe(options: JsonObject): Recipe;
}

/**
 * Asks a loss for its recipe, once per value of each option that is an enumeration: what the page counts trainings with.
 * A loss that refuses some of them is offered with the others.
 */
export function lossOffer({ name, options, recipe }: OfferedLoss): LossOffer {
  const properties = (options.properties ?? {}) as Readonly<Record<string, JsonObject>>;
  const variants = Object.entries(properties).flatMap(([option, { enum: values, default: usual }]) =>
    Array.isArray(values)
      ? values.filter((value) => value !== usual).map((value) => ({ [option]: value }))
      : [],
  );
  const ask = (when: JsonObject): LossForm[] => {
    const { mode, base, over, runs } = recipe(when);
    if (base === undefined) return [{ when, mode, over, runs }];
    const { use, ...rest } = base;
    return [{ when, mode, over, runs, base: { use, options: rest } }];
  };
  const [usual] = ask({});
  const special = variants.flatMap((when) => {
    try {
      return ask(when);
    } catch {
      // Needs other options too: the usual form stands in for it, and the watcher checks the request anyway.
      return [];
    }
  });
  const differing = special.filter((form) => !same(form, usual!));
  const defaults = Object.entries(properties).flatMap(([option, { default: value }]) =>
    value === undefined ? [] : [[option, value]],
  );
  return {
    name,
    defaults: Object.fromEntries(defaults),
    forms: [...differing, { ...usual!, when: undefined }],
  };
}

const same = ({ when: _a, ...a }: LossForm, { when: _b, ...b }: LossForm): boolean =>
  JSON.stringify(a) === JSON.stringify(b);

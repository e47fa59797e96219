import type { Run } from "../../mlflow-js-client/index.ts";

type Params = Readonly<Record<string, string>>;

/** What all rows of a report must share: data, PEFT, head, prompts, training, evaluation. */
const SETTING = /^(dataset|peft|prompts|head|train|evaluation)(\.|$)/;
/** What makes no difference to a result. */
const IRRELEVANT = new Set(["device", "threads", "evaluation.batchSize", "train.recompute"]);

const pick = (params: Params, keep: (key: string) => boolean): Params =>
  Object.fromEntries(
    Object.entries(params)
      .filter(([key]) => keep(key) && !IRRELEVANT.has(key))
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  );

export const settingOf = ({ params }: Run): Params => pick(params, (key) => SETTING.test(key));

/** What tells a row from others of its setting: loss, backbones, kind, and their options; not the seed. */
export const methodOf = ({ params }: Run): Params =>
  pick(params, (key) => !SETTING.test(key) && key !== "seed");

export function seedOf({ params }: Run): number | undefined {
  return params.seed === undefined ? undefined : Number(params.seed);
}

/** "la · clip · seed 0" → "la": the label its user gave the loss. Undefined for a run that was renamed. */
export function labelOf({ info, params }: Run): string | undefined {
  const parts = info.runName.split(" · ");
  const seeded = params.seed !== undefined && parts.at(-1) === `seed ${params.seed}`;
  const named = seeded ? parts.slice(0, -1) : parts;
  return named.length < 2 ? undefined : named.slice(0, -1).join(" · ");
}

/** Keys in which two settings differ, with the first one's values. */
export function differencesOf(own: Params, other: Params): string[] {
  const keys = [...new Set([...Object.keys(own), ...Object.keys(other)])];
  return keys.filter((key) => own[key] !== other[key]).map((key) => `${key} = ${own[key] ?? "–"}`);
}

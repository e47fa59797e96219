import type { Run } from "../../mlflow-js-client/index.ts";

export type Params = Readonly<Record<string, string>>;

/** Whether a param is one that the rows of a gathering may differ in, beyond their method. */
export type Varied = (key: string) => boolean;
export const NOTHING: Varied = () => false;

/** What all rows of a report must share: data, PEFT, head, prompts, training, evaluation. */
const SETTING = /^(dataset|peft|prompts|head|train|evaluation)(\.|$)/;
/** What makes no difference to a result. */
const IRRELEVANT = new Set(["device", "threads", "evaluation.batchSize", "train.recompute"]);

/** How far up a relative path goes says where the config lay, not what it named. */
const UPWARDS = /^(\.{1,2}\/)+/;

const pick = (params: Params, keep: (key: string) => boolean): Params =>
  Object.fromEntries(
    Object.entries(params)
      .filter(([key]) => keep(key) && !IRRELEVANT.has(key))
      .map(([key, value]) => [key, value.replace(UPWARDS, "")] as const)
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  );

export const settingOf = ({ params }: Pick<Run, "params">, varied: Varied = NOTHING): Params =>
  pick(params, (key) => SETTING.test(key) && !varied(key));

/** Whether a model as it was pre-trained can score differently by it: training says nothing about zero-shot rows. */
export const concernsFrozen: Varied = (key) => /^(dataset|prompts|evaluation|backbone)(\.|$)/.test(key);

/** The rest of a setting. */
export const isOfTraining: Varied = (key) => SETTING.test(key) && !concernsFrozen(key);

export const isZeroShot = ({ params }: Pick<Run, "params">): boolean => params.kind === "zero-shot";

/**
 * Params in which a run differs from a setting, as far as they can matter to it, with the run's values. A zero-shot run
 * is logged once, by whatever comparison came first, and belongs to all that evaluate alike.
 */
export function foreignTo(run: Pick<Run, "params">, setting: Params, varied: Varied = NOTHING): string[] {
  const kept = isZeroShot(run) ? concernsFrozen : () => true;
  const part = (own: Params) => pick(own, (key) => kept(key) && !varied(key));
  return differencesOf(part(settingOf(run)), part(setting));
}

/** What tells a row from others of its setting: loss, backbones, kind, and their options; not the seed. */
export const methodOf = ({ params }: Pick<Run, "params">, varied: Varied = NOTHING): Params =>
  pick(params, (key) => !SETTING.test(key) && key !== "seed" && !varied(key));

export const variedOf = ({ params }: Pick<Run, "params">, varied: Varied): Params => pick(params, varied);

/** As a key: what picks sort alike is alike. */
export const keyOf = (params: Params): string => JSON.stringify(params);

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

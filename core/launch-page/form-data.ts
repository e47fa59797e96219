import type { JsonObject } from "./types.ts";

/** A config as the form shows it, and what of it has no place there. */
export interface FormData {
  readonly data: JsonObject;
  /** Properties and names that the form does not have. */
  readonly leftOut: readonly string[];
}

/**
 * A config in the form's shape: choices as `{ use, …options }`, `peft` as a list.
 * @param schema of the request
 * @param config of a preset, of a request, or config.resolved.json of a run; whole or in part
 */
export function toForm(schema: JsonObject, config: JsonObject): FormData {
  const properties = schema.properties as Readonly<Record<string, JsonObject>>;
  const leftOut: string[] = [];
  const offered = (what: string, value: unknown, names: unknown): string[] => {
    const { use, label } = asObject(value);
    const name = [label, use].find((one) => (names as readonly unknown[]).includes(one));
    if (typeof name === "string") return [name];
    leftOut.push(`the ${what} "${String(label ?? use)}"`);
    return [];
  };
  const chosen = (what: string, value: unknown, choice: JsonObject): JsonObject[] => {
    const { options = {}, ...own } = asObject(value);
    if (branchOf(choice, own.use)) return [{ ...own, ...(options as JsonObject) }];
    leftOut.push(`the ${what} "${String(own.use)}"`);
    return [];
  };
  const list = (name: string, what: string, values: readonly unknown[]) => {
    const kept = values.flatMap((value) => chosen(what, value, properties[name]!.items as JsonObject));
    return kept.length ? { [name]: kept } : {};
  };
  const { dataset, backbones, losses, peft, train, prompts, ...rest } = config;
  const simple = Object.entries(rest).filter(([name]) => {
    if (!(name in properties) && !SERVERS_OWN.has(name)) leftOut.push(`"${name}"`);
    return name in properties;
  });
  const optimizer = properties.train?.properties as Readonly<Record<string, JsonObject>> | undefined;
  const training = train as JsonObject | undefined;
  const [rule] =
    training?.optimizer === undefined || !optimizer?.optimizer
      ? []
      : chosen("optimizer", training.optimizer, optimizer.optimizer);
  const [data] = dataset === undefined ? [] : offered("dataset", dataset, properties.dataset!.enum);
  const names = arrayOf(backbones).flatMap((one) =>
    offered("backbone", one, (properties.backbones!.items as JsonObject).enum),
  );
  return {
    data: {
      ...Object.fromEntries(simple),
      ...(prompts === undefined
        ? {}
        : { prompt: arrayOf(prompts).length === 1 ? arrayOf(prompts)[0] : prompts }),
      ...(data === undefined ? {} : { dataset: data }),
      ...(names.length ? { backbones: names } : {}),
      ...(losses === undefined ? {} : list("losses", "loss", arrayOf(losses))),
      ...(peft === undefined
        ? {}
        : list("peft", "PEFT method", arrayOf(peft).length ? arrayOf(peft) : ["none"])),
      ...(training ? { train: { ...training, ...(rule ? { optimizer: rule } : {}) } } : {}),
    },
    leftOut,
  };
}

/** What a resolved config has and every server sets by itself: not worth a word. */
const SERVERS_OWN: ReadonlySet<string> = new Set([
  "experiment",
  "threads",
  "output",
  "plugins",
  "images",
  "models",
  "$schema",
]);

/**
 * The request's config of what the form holds: defaults left out, a choice without options as its name alone, a single
 * PEFT method without its list.
 */
export function fromForm(schema: JsonObject, data: JsonObject): JsonObject {
  const config = withoutDefaults(schema, data) as Record<string, unknown>;
  const { peft } = config;
  return Array.isArray(peft) && peft.length === 1 ? { ...config, peft: peft[0] } : config;
}

function withoutDefaults(schema: JsonObject, value: unknown): unknown {
  if (Array.isArray(value)) {
    const items = schema.items as JsonObject | undefined;
    return items ? value.map((item) => withoutDefaults(items, item)) : value;
  }
  if (typeof value !== "object" || value === null) return value;
  const choice = value as JsonObject;
  const branch = branchOf(schema, choice.use);
  const { properties = {}, required = [] } = (branch ?? schema) as {
    properties?: Readonly<Record<string, JsonObject>>;
    required?: readonly string[];
  };
  const kept = Object.entries(choice).flatMap(([name, own]): [string, unknown][] => {
    const about = properties[name] ?? {};
    const pruned = withoutDefaults(about, own);
    const usual = about.default === undefined ? undefined : withoutDefaults(about, about.default);
    const isDefault = own === undefined || JSON.stringify(pruned) === JSON.stringify(usual);
    const isEmpty = typeof pruned === "object" && pruned !== null && Object.keys(pruned).length === 0;
    return !required.includes(name) && (isDefault || isEmpty) ? [] : [[name, pruned]];
  });
  if (branch && kept.length === 1) return choice.use;
  return Object.fromEntries(kept);
}

const branchOf = ({ oneOf }: JsonObject, use: unknown): JsonObject | undefined =>
  (oneOf as readonly { properties?: { use?: { const?: unknown } } }[] | undefined)?.find(
    ({ properties }) => use !== undefined && properties?.use?.const === use,
  ) as JsonObject | undefined;

const asObject = (value: unknown): JsonObject =>
  typeof value === "object" && value !== null ? (value as JsonObject) : { use: value };

const arrayOf = (value: unknown): readonly unknown[] =>
  Array.isArray(value) ? value : value === undefined ? [] : [value];

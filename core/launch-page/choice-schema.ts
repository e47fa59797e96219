import type { JsonObject } from "./types.ts";

/** The published schema of a choice by name, for a kind ("loss", "strata" …). */
export type Named = (kind: string) => JsonObject;

/**
 * What the published schema lets one choose by name, as a form wants it: one branch per name, told apart by `use`, with
 * the options that the plugin declares. References to other choices are resolved.
 * @param published `anyOf`: the names, then `{ use, …options }` with an `if`/`then` per name
 * @param offered the names to keep, in this order; all of them when absent
 */
export function choiceOf(published: JsonObject, named: Named, offered?: readonly string[]): JsonObject {
  const forms = (published.anyOf ?? []) as readonly JsonObject[];
  const known = (forms[0]?.enum ?? []) as readonly string[];
  const summaries = summariesOf(String(forms[0]?.description ?? ""));
  const conditions = forms.flatMap(({ allOf }) => (allOf ?? []) as readonly JsonObject[]);
  const options = new Map(conditions.map((condition) => [nameOf(condition), condition.then as JsonObject]));
  // What no plugin stands behind ("none") is always there to choose.
  const words = known.filter((name) => !options.has(name) && !offered?.includes(name));
  const names = offered ? [...offered, ...words] : known;
  /** What every choice may have beside its options: `use`, and a label. */
  const common = (forms.at(-1)?.properties ?? {}) as JsonObject;
  return {
    type: "object",
    required: ["use"],
    discriminator: { propertyName: "use" },
    oneOf: names.map((name) => branch(name, summaries.get(name), options.get(name), common, named)),
    ...(names.length ? { default: { use: names[0] } } : {}),
  };
}

function branch(
  name: string,
  summary: string | undefined,
  options: JsonObject | undefined,
  common: JsonObject,
  named: Named,
): JsonObject {
  const declared = (options?.properties ?? {}) as Readonly<Record<string, unknown>>;
  const own = Object.entries(declared).flatMap(([option, schema]): [string, unknown][] =>
    typeof schema === "object" && schema !== null
      ? [[option, resolved({ title: inWords(option), ...schema } as JsonObject, named)]]
      : option in common && option !== "use"
        ? [[option, common[option]]]
        : [],
  );
  return {
    title: name,
    ...(summary ? { description: summary } : {}),
    type: "object",
    ...(options?.required ? { required: ["use", ...(options.required as string[])] } : { required: ["use"] }),
    properties: { use: { const: name }, ...Object.fromEntries(own) },
    additionalProperties: false,
  };
}

/** An option that is itself a choice by name, such as a loss's source of strata. */
function resolved({ $ref, ...schema }: JsonObject, named: Named): JsonObject {
  if (typeof $ref !== "string") return schema;
  const choice = choiceOf(named($ref.slice($ref.lastIndexOf("/") + 1)), named);
  const use = schema.default;
  return { ...schema, ...choice, ...(typeof use === "string" ? { default: { use } } : {}) };
}

const nameOf = (condition: JsonObject): string =>
  ((condition.if as JsonObject).properties as { use: { const: string } }).use.const;

/** "- `la`: Cross-entropy on …" lines, by name. */
const summariesOf = (text: string): ReadonlyMap<string, string> =>
  new Map([...text.matchAll(/^- `([^`]+)`: (.*)$/gm)].map(([, name, summary]) => [name!, summary!]));

/** "keyWidth" → "Key width" */
const inWords = (name: string): string => {
  const words = name.replaceAll(
    /([a-z])([A-Z])/g,
    (_, before: string, letter: string) => `${before} ${letter.toLowerCase()}`,
  );
  return words.charAt(0).toUpperCase() + words.slice(1);
};

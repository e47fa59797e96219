import { isDeepStrictEqual } from "node:util";
import type { PluginKind, PluginOptions, PluginRegistry } from "../container/index.ts";
import type { JsonSchema } from "../plugin-api/index.ts";

/** A set of options to check a plugin with. */
export interface Variant {
  /** "defaults", "tau: 0" or the options as JSON. */
  readonly label: string;
  /** Valid, with defaults filled in, frozen: a plugin that changes its options throws. */
  readonly options: PluginOptions;
}

type Property = Readonly<Record<string, unknown>>;

/** Values of an option that are likely to be where it breaks: every named one, both ends of a range, zero. */
function edgesOf({ enum: named, examples, type, minimum, maximum, exclusiveMinimum }: Property): unknown[] {
  if (Array.isArray(named)) return named;
  const given = Array.isArray(examples) ? (examples as unknown[]) : [];
  if (type === "boolean") return [true, false];
  if (type !== "number" && type !== "integer") return given;
  const ends = [minimum, maximum].filter((end) => typeof end === "number");
  return [...given, ...ends, ...(minimum === undefined && exclusiveMinimum === undefined ? [0] : [])];
}

/** A value for an option that must be given and has no default; undefined where the schema does not suggest one. */
function suggested(property: Property): unknown {
  return "const" in property ? property.const : edgesOf(property)[0];
}

/**
 * The options that a plugin is checked with: its defaults (and `given`), and from there one option at a time at the
 * values of its schema that are likely to break it.
 * @returns undefined when options must be given for which the schema suggests no value
 */
export function variantsOf(
  registry: PluginRegistry,
  { kind, name, options: schema }: { kind: PluginKind; name: string; options: JsonSchema },
  given: PluginOptions = {},
): readonly Variant[] | undefined {
  const checked = (options: PluginOptions) => {
    const result = registry.checkOptions(kind, name, options);
    return result.ok ? deepFreeze(result.options) : undefined;
  };
  const base: Record<string, unknown> = { ...given };
  for (const required of schema.required ?? []) {
    const property = schema.properties[required];
    if (property && base[required] === undefined && !Object.hasOwn(property, "default"))
      base[required] = suggested(property);
  }
  const first = checked(base);
  if (first === undefined) return undefined;
  const variants: Variant[] = [
    { label: Object.keys(base).length === 0 ? "defaults" : JSON.stringify(base), options: first },
  ];
  for (const [option, property] of Object.entries(schema.properties)) {
    if (Object.hasOwn(given, option)) continue;
    for (const value of edgesOf(property)) {
      const options = checked({ ...base, [option]: value });
      if (options === undefined || variants.some((known) => isDeepStrictEqual(known.options, options)))
        continue;
      variants.push({ label: `${option}: ${JSON.stringify(value)}`, options });
    }
  }
  return variants;
}

function deepFreeze<T>(value: T): T {
  if (typeof value === "object" && value !== null) {
    for (const inner of Object.values(value)) deepFreeze(inner);
    Object.freeze(value);
  }
  return value;
}

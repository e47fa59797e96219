import { type JsonSchema, PLUGIN_API_VERSION } from "../plugin-api/index.ts";
import { PluginError } from "./errors.ts";
import { type AnyPlugin, KINDS, PLUGIN_KINDS, type PluginKind, RESERVED_OPTIONS } from "./kinds.ts";
import { createAjv } from "./schema/ajv.ts";
import { explain, show } from "./schema/explain.ts";
import { nearest } from "./schema/nearest.ts";
import { toPointer } from "./schema/problem.ts";

export const PLUGIN_NAME = /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/;
/** `peft: none` means no PEFT method, so no plugin can be called that. */
export const RESERVED_NAMES: readonly string[] = ["none"];

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/**
 * Checks that something imported from `from` is a plugin, so that a mistake in it is reported when it is registered
 * and not hours into a comparison.
 * @throws PluginError naming the source and the first thing wrong.
 */
export function validatePlugin(candidate: unknown, from: string): AnyPlugin {
  if (!isObject(candidate))
    throw new PluginError(from, `its export is ${typeof candidate}, not a plugin object`);
  const { kind, name, summary, options } = candidate;
  if (typeof kind !== "string" || !Object.hasOwn(KINDS, kind)) {
    const likely = typeof kind === "string" ? nearest(kind, PLUGIN_KINDS) : undefined;
    throw new PluginError(from, `its kind is ${JSON.stringify(kind)}`, {
      hint: `kinds: ${PLUGIN_KINDS.join(", ")}${likely ? ` — "${likely}"?` : ""}`,
    });
  }
  if (typeof name !== "string" || !PLUGIN_NAME.test(name) || RESERVED_NAMES.includes(name)) {
    throw new PluginError(from, `its name is ${JSON.stringify(name)}`, {
      hint: `use kebab-case (letters, digits, single hyphens), not ${RESERVED_NAMES.join(" or ")}`,
    });
  }
  const named = `${from} (${kind} "${name}")`;
  if (typeof summary !== "string" || summary.trim() === "") throw new PluginError(named, "it has no summary");
  for (const method of KINDS[kind as PluginKind].methods) {
    if (typeof candidate[method] !== "function")
      throw new PluginError(named, `it has no function "${method}"`);
  }
  validateOptionsSchema(options, named);
  validateChooses(candidate.chooses, options, named);
  return candidate as unknown as AnyPlugin;
}

/**
 * @param file where it is stated
 * @throws PluginError naming both versions when a plugin states another version than this one's.
 */
export function validateApiVersion(stated: unknown, from: string, file: string): void {
  if (stated === undefined || stated === PLUGIN_API_VERSION) return;
  const problem = `it is built for plugin API ${show(stated)}, this dualtail has plugin API ${PLUGIN_API_VERSION}`;
  const isOlder = typeof stated === "number" && stated < PLUGIN_API_VERSION;
  throw new PluginError(from, `${problem} (stated in ${file})`, {
    hint: isOlder
      ? "update the plugin to a version for this dualtail, or install the older dualtail that it was built with"
      : typeof stated === "number"
        ? "update dualtail (npm install dualtail@latest), or install an older version of the plugin"
        : `pluginApiVersion is a whole number; this dualtail's is ${PLUGIN_API_VERSION}`,
  });
}

/** @throws PluginError when `chooses` names an option that there is not, or a kind that there is not. */
function validateChooses(chooses: unknown, { properties }: JsonSchema, from: string): void {
  if (chooses === undefined) return;
  if (!isObject(chooses)) throw new PluginError(from, "its `chooses` is not an object");
  for (const [option, kind] of Object.entries(chooses)) {
    if (!Object.hasOwn(properties, option))
      throw new PluginError(from, `it chooses by the option "${option}", which it does not have`);
    if (typeof kind !== "string" || !Object.hasOwn(KINDS, kind)) {
      throw new PluginError(from, `its option "${option}" chooses a ${JSON.stringify(kind)}`, {
        hint: `kinds: ${PLUGIN_KINDS.join(", ")}`,
      });
    }
  }
}

type Validator = ReturnType<typeof createAjv>;
let validators: { readonly checking: Validator; readonly filling: Validator } | undefined;

function validateOptionsSchema(options: unknown, from: string): asserts options is JsonSchema {
  const problem = (what: string, hint?: string) =>
    new PluginError(from, `its options schema ${what}`, { hint });
  if (!isObject(options)) throw problem("is missing", 'give at least { type: "object", properties: {}, … }');
  if (options.type !== "object" || !isObject(options.properties)) {
    throw problem('must have type "object" and properties');
  }
  if (options.additionalProperties !== false) {
    throw problem("must set additionalProperties: false", "otherwise a misspelt option would go unnoticed");
  }
  for (const reserved of RESERVED_OPTIONS) {
    if (Object.hasOwn(options.properties, reserved)) {
      throw problem(`declares the option "${reserved}"`, "that name is taken by the configuration itself");
    }
  }
  const { $id: _id, ...schema } = options;
  // Shared: most of a validator's time goes into the schema of schemas.
  validators ??= { checking: createAjv({ fillDefaults: false }), filling: createAjv({ fillDefaults: true }) };
  let validate: ReturnType<typeof validators.checking.compile>;
  try {
    validate = validators.checking.compile(schema);
    // Strict mode refuses defaults where they would be ignored, but only when they are to be filled in.
    validators.filling.compile(schema);
  } catch (cause) {
    throw new PluginError(from, `its options schema is not valid: ${(cause as Error).message}`, { cause });
  }
  for (const { path, value } of defaultsIn(schema)) {
    const at = toPointer(path);
    validate(path.reduceRight<unknown>((inner, key) => ({ [key]: inner }), value));
    const wrong = (validate.errors ?? []).filter(
      ({ instancePath }) => instancePath === at || instancePath.startsWith(`${at}/`),
    );
    if (wrong.length)
      throw problem(`has a default at ${at} that it refuses itself: ${explain(wrong)[0]!.problem}`);
  }
}

/** Every default of an object schema, with the path of the property it belongs to. */
function* defaultsIn(
  schema: Readonly<Record<string, unknown>>,
  path: readonly string[] = [],
): Generator<{ path: readonly string[]; value: unknown }> {
  if (Object.hasOwn(schema, "default") && path.length) yield { path, value: schema.default };
  if (!isObject(schema.properties)) return;
  for (const [name, property] of Object.entries(schema.properties)) {
    if (isObject(property)) yield* defaultsIn(property, [...path, name]);
  }
}

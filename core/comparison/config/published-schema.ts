import { KINDS, PLUGIN_KINDS, type PluginKind, type PluginRegistry } from "../../container/index.ts";
import type { JsonSchema } from "../../plugin-api/index.ts";
import { labelSchema, textsOfUse } from "./choices.ts";
import { OPTIMIZERS } from "./optimizers.ts";
import { NONE } from "./resolve-choices.ts";
import { comparisonSchema, type Schema } from "./schema.ts";

const DIALECT = "https://json-schema.org/draft/2020-12/schema";
/** Where npm's contents are served from, so that an $id can be looked up once the package is published. */
const BASE = "https://unpkg.com/dualtail/schemas/";

interface Named {
  readonly name: string;
  /** Where it came from, when it is not built in. */
  readonly from?: string;
  readonly summary: string;
  readonly options: JsonSchema;
  readonly chooses?: Readonly<Record<string, PluginKind>>;
}

/**
 * What can be chosen by name, for editors: known names are completed and their options checked.
 * @param open whether other names are possible, with options nobody knows here
 */
function choiceSchema(what: string, known: readonly Named[], open: boolean, none: boolean): Schema {
  const names = [...known.map(({ name }) => name), ...(none ? [NONE] : [])];
  const listed = known.map(
    ({ name, summary, from }) => `- \`${name}\`: ${summary}${from === undefined ? "" : ` (from ${from})`}`,
  );
  const enumerated = {
    enum: names,
    description: [`Built in:`, ...listed, ...(none ? [`- \`${NONE}\``] : [])].join("\n"),
  };
  const others = {
    type: "string",
    minLength: 1,
    description: `A ${what} from a plugin named under \`plugins\`.`,
  };
  const anyOf = [...(names.length ? [enumerated] : []), ...(open ? [others] : [])];
  return {
    anyOf: [
      ...anyOf,
      {
        type: "object",
        required: ["use"],
        properties: { use: { anyOf, ...textsOfUse(what) }, ...(open ? { label: labelSchema } : {}) },
        ...(known.length ? { allOf: known.map((plugin) => optionsWhenUsed(plugin, open)) } : {}),
      },
    ],
  };
}

function optionsWhenUsed({ name, options, chooses = {} }: Named, open: boolean): Schema {
  const { $id: _id, properties: own, ...rest } = options;
  const choices = Object.entries(chooses).map(([option, kind]): [string, Schema] => {
    const { anyOf: _any, ...about } = own[option]!;
    return [option, { ...about, $ref: `#/$defs/${kind}` }];
  });
  const properties = { ...own, ...Object.fromEntries(choices) };
  return {
    if: { type: "object", required: ["use"], properties: { use: { const: name } } },
    // biome-ignore lint/suspicious/noThenProperty: a JSON Schema keyword; nobody awaits this object.
    then: { ...rest, properties: { use: true, ...(open ? { label: true } : {}), ...properties } },
  };
}

/** What the registry says of a plugin that comes with dualtail. */
const builtinFrom = ({ kind, name }: { readonly kind: PluginKind; readonly name: string }) =>
  `plugins/${KINDS[kind].folder}/${name}`;

/** The comparison's schema as published: complete in one file, since editors do not fetch references. */
export function publishedComparisonSchema(registry: PluginRegistry): Schema {
  const optimizers = Object.entries(OPTIMIZERS).map(([name, info]) => ({ name, ...info }));
  const definitions = PLUGIN_KINDS.map((kind) => {
    const known = registry
      .list(kind)
      .map(({ plugin, from }) => (from === builtinFrom(plugin) ? plugin : { ...plugin, from }));
    return [kind, choiceSchema(KINDS[kind].title, known, true, kind === "peft")];
  });
  return {
    $schema: DIALECT,
    $id: `${BASE}comparison.schema.json`,
    ...comparisonSchema({
      plugin: (kind: PluginKind) => ({ $ref: `#/$defs/${kind}` }),
      optimizer: choiceSchema("optimizer", optimizers, false, false),
    }),
    $defs: Object.fromEntries(definitions) as Schema,
  };
}

/** Every published schema by its path under `schemas/`. */
export function publishedSchemas(registry: PluginRegistry): ReadonlyMap<string, Schema> {
  const plugins = registry.list().map(({ plugin }): [string, Schema] => {
    const file = `plugins/${KINDS[plugin.kind].folder}/${plugin.name}.schema.json`;
    const title = `Options of the ${KINDS[plugin.kind].title} ${plugin.name}`;
    return [
      file,
      { $schema: DIALECT, $id: BASE + file, title, description: plugin.summary, ...plugin.options },
    ];
  });
  return new Map([["comparison.schema.json", publishedComparisonSchema(registry)], ...plugins]);
}

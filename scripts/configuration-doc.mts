import { anyChoice } from "../core/comparison/config/choices.ts";
import { OPTIMIZERS } from "../core/comparison/config/optimizers.ts";
import { comparisonSchema, type Schema } from "../core/comparison/config/schema.ts";
import { KINDS, PLUGIN_KINDS, type PluginRegistry } from "../core/container/index.ts";

const PREAMBLE = `<!-- Written by \`npm run schemas\` from the schemas; change those, not this. -->
# Configuration

A comparison is one YAML or JSON file:

\`\`\`yaml
# yaml-language-server: $schema=./node_modules/dualtail/schemas/comparison.schema.json
experiment: icons-lt-losses
dataset: { use: icons-lt, imbalanceRatio: 100 }
backbones: [clip, openclip, metaclip]
peft: { use: adaptformer }
losses: [ce, la, gla-train, { use: backdoor, space: probability }]
seeds: [0, 1, 2]
train: { epochs: 10, batchSize: 128, optimizer: { use: sgd, lr: 0.01 } }
\`\`\`

Where something is *chosen*, write its name, or a mapping with the name under \`use\`, its options beside it and, for
plugins, optionally a \`label\` for tables. Relative paths are relative to the file, except \`output\`. A mistake is told
with its line, column and JSON path. \`dualtail compare FILE --dry-run\` checks the file and shows the plan.
`;

const inCell = (text: string) => text.replaceAll("|", "\\|").replaceAll("\n", " ");
const code = (text: string) => `\`${inCell(text)}\``;

const NAMES: Readonly<Record<string, string>> = {
  integer: "whole number",
  boolean: "true or false",
  array: "list",
  object: "mapping",
};

function typeText(schema: Schema): string {
  if (Array.isArray(schema.enum)) return schema.enum.map((value) => code(JSON.stringify(value))).join(", ");
  if (schema.const !== undefined) return code(JSON.stringify(schema.const));
  if (Array.isArray(schema.anyOf)) {
    const isChoice = schema.anyOf.some(
      (branch: Schema) => (branch.properties as Schema | undefined)?.use !== undefined,
    );
    const isList = schema.anyOf.some((branch: Schema) => branch.type === "array");
    if (isChoice) return `name or mapping with \`use\`${isList ? ", or a list of them" : ""}`;
    return [...new Set(schema.anyOf.map((branch: Schema) => typeText(branch)))].join(" or ");
  }
  if (schema.type === "array") return schema.items ? `list of: ${typeText(schema.items as Schema)}` : "list";
  const names = [schema.type ?? "anything"].flat().map((type) => NAMES[String(type)] ?? String(type));
  return [names.join(" or "), limits(schema)].filter(Boolean).join(" ");
}

function limits(schema: Schema): string {
  const of = (keyword: string, sign: string) =>
    schema[keyword] === undefined ? [] : [`${sign} ${schema[keyword]}`];
  return [
    ...of("minimum", "≥"),
    ...of("exclusiveMinimum", ">"),
    ...of("maximum", "≤"),
    ...of("exclusiveMaximum", "<"),
  ].join(", ");
}

function table(schema: Schema): string {
  const required = new Set((schema.required ?? []) as string[]);
  const rows = Object.entries(schema.properties as Record<string, Schema>).map(([name, property]) => {
    const fallback = isSection(property)
      ? "see below"
      : Object.hasOwn(property, "default")
        ? code(JSON.stringify(property.default))
        : required.has(name)
          ? "**required**"
          : "–";
    const about = [property.description, property.title].find((text) => typeof text === "string") ?? "";
    return `| ${code(name)} | ${typeText(property)} | ${fallback} | ${inCell(String(about))} |`;
  });
  if (rows.length === 0) return "No options.\n";
  return ["| property | type | default | meaning |", "|---|---|---|---|", ...rows, ""].join("\n");
}

const isSection = (schema: Schema) => schema.type === "object" && schema.properties !== undefined;

/** The table of an object, then those of the objects inside it. */
function* sections(schema: Schema, path: readonly string[]): Generator<string> {
  yield table(schema);
  for (const [name, property] of Object.entries(schema.properties as Record<string, Schema>)) {
    if (!isSection(property)) continue;
    const inner = [...path, name];
    yield `### ${code(inner.join("."))}\n\n${property.description ?? ""}\n`;
    yield* sections(property, inner);
  }
}

/** docs/configuration.md: a table of every property, from the schemas. */
export function configurationDoc(registry: PluginRegistry): string {
  const schema = comparisonSchema({ plugin: (kind) => anyChoice(kind), optimizer: anyChoice("optimizer") });
  const optimizers = Object.entries(OPTIMIZERS).map(
    ([name, { summary, options }]) => `### ${code(name)}\n\n${summary}\n\n${table(options)}`,
  );
  const kinds = PLUGIN_KINDS.map((kind) => {
    const { plural } = KINDS[kind];
    const plugins = registry
      .list(kind)
      .map(
        ({ plugin }) =>
          `### ${code(plugin.name)}\n\n${plugin.summary}\n\n${[...sections(plugin.options, [plugin.name])].join("\n")}`,
      );
    return [`## ${plural[0]!.toUpperCase()}${plural.slice(1)}\n`, ...plugins].join("\n");
  });
  return `${[PREAMBLE, "## Properties\n", ...sections(schema, []), "## Optimizers\n", ...optimizers, ...kinds].join("\n").trimEnd()}\n`;
}

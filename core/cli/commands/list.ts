import {
  createContainer,
  KINDS,
  PLUGIN_KINDS,
  type RegisteredPlugin,
  resolve,
} from "../../container/index.ts";
import type { Host } from "../host.ts";
import { styleFor } from "../progress/style.ts";

export interface ListFlags {
  readonly json?: boolean;
  readonly plugin?: readonly string[];
}

/** Shows every plugin: by kind, with summary and options. */
export async function listCommand(host: Host, flags: ListFlags): Promise<number> {
  const container = await createContainer({ plugins: flags.plugin ?? [], baseDir: host.cwd });
  const registry = resolve(container, "registry");
  if (flags.json) {
    const entries = PLUGIN_KINDS.map((kind) => [KINDS[kind].folder, registry.list(kind).map(toJson)]);
    host.print(JSON.stringify(Object.fromEntries(entries), null, 2));
    return 0;
  }
  const style = styleFor(host.isTerminal, host.env);
  const width = Math.max(0, ...registry.list().map(({ plugin }) => plugin.name.length));
  const blocks = PLUGIN_KINDS.map((kind) => {
    const lines = registry.list(kind).flatMap(({ plugin }) => {
      const options = Object.entries(plugin.options.properties).map(([name, schema]) =>
        describeOption(name, schema),
      );
      const indent = " ".repeat(width + 4);
      return [
        `  ${plugin.name.padEnd(width)}  ${plugin.summary}`,
        ...(options.length ? [style.dim(`${indent}${options.join(", ")}`)] : []),
      ];
    });
    return [KINDS[kind].plural, ...(lines.length ? lines : ["  (none)"])].join("\n");
  });
  host.print(blocks.join("\n\n"));
  return 0;
}

function toJson({ plugin, from }: RegisteredPlugin) {
  const { kind, name, summary, options } = plugin;
  return { kind, name, summary, from, options };
}

function describeOption(name: string, schema: Readonly<Record<string, unknown>>): string {
  return Object.hasOwn(schema, "default") ? `${name}=${JSON.stringify(schema.default)}` : name;
}

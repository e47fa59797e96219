import type { Plugin } from "../plugin-api/index.ts";
import { PluginError } from "./errors.ts";
import { KINDS } from "./kinds.ts";
import { importPlugins, locatePlugin, type RegisteredPlugin } from "./load-plugins.ts";
import { suggest } from "./schema/nearest.ts";
import { validateApiVersion, validatePlugin } from "./validate-plugin.ts";

/**
 * A plugin as an application names it: a file or npm package, an object, or an object with a version that its author
 * changes whenever its results do. Without one, finished cells that used the object are never used again.
 */
export type PluginEntry = string | Plugin | { readonly plugin: Plugin; readonly version: string };

/** Where a plugin object came from, for messages and lists. */
export const APPLICATION = "the application";

/** @throws PluginError for one that does not load or is not valid */
export async function loadEntries(
  entries: readonly PluginEntry[],
  baseDir: string,
): Promise<RegisteredPlugin[]> {
  const found = await Promise.all(
    [...new Set(entries)].map(async (entry) => {
      if (typeof entry !== "string") return [fromObject(entry)];
      const source = locatePlugin(entry, baseDir);
      const { file } = source;
      return (await importPlugins(source)).map((own) => ({ ...own, code: { file } }));
    }),
  );
  return found.flat();
}

function fromObject(entry: Exclude<PluginEntry, string>): RegisteredPlugin {
  const wrapped = typeof entry === "object" && entry !== null && "plugin" in entry ? entry : undefined;
  const candidate: unknown = wrapped ? wrapped.plugin : entry;
  const version: unknown = wrapped?.version;
  if (wrapped && (typeof version !== "string" || version === "")) {
    throw new PluginError(APPLICATION, `the version beside a plugin is ${JSON.stringify(version)}`, {
      hint: "give a text that changes with its results, or the plugin alone",
    });
  }
  if (typeof candidate === "object" && candidate !== null && "apiVersion" in candidate)
    validateApiVersion(candidate.apiVersion, APPLICATION, APPLICATION);
  const plugin = validatePlugin(candidate, APPLICATION);
  return { plugin, from: APPLICATION, code: typeof version === "string" ? { version } : {} };
}

/**
 * The plugins with some in place of those of the same kind and name.
 * @throws PluginError when there is none to replace, naming those that there are
 */
export function replaceAmong(
  known: readonly RegisteredPlugin[],
  replacements: readonly RegisteredPlugin[],
): RegisteredPlugin[] {
  const replaced = new Set<RegisteredPlugin>();
  const added = replacements.map((replacement): RegisteredPlugin => {
    const { plugin, from } = replacement;
    const { kind, name } = plugin;
    const ofKind = known.filter((other) => other.plugin.kind === kind);
    const other = ofKind.find((one) => one.plugin.name === name);
    if (other === undefined) {
      const names = ofKind.map((one) => one.plugin.name);
      throw new PluginError(from, `there is no ${KINDS[kind].title} "${name}" that it could replace`, {
        hint: suggest(name, names, "there are"),
      });
    }
    replaced.add(other);
    return { ...replacement, replaces: other.from };
  });
  return [...known.filter((one) => !replaced.has(one)), ...added];
}

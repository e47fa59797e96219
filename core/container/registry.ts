import type { ValidateFunction } from "ajv";
import { ConfigError } from "../errors.ts";
import { PluginError } from "./errors.ts";
import { type AnyPlugin, KINDS, PLUGIN_KINDS, type PluginByKind, type PluginKind } from "./kinds.ts";
import type { RegisteredPlugin } from "./load-plugins.ts";
import { createAjv } from "./schema/ajv.ts";
import { explain } from "./schema/explain.ts";
import { suggest } from "./schema/nearest.ts";
import type { Problem } from "./schema/problem.ts";

/** Options as the user wrote them, or as a schema completed them. */
export type PluginOptions = Readonly<Record<string, unknown>>;

/** Every plugin that is known, found by kind and name. */
export interface PluginRegistry {
  /** Sorted by name; without a kind, all kinds in the order of `PLUGIN_KINDS`. */
  list(kind?: PluginKind): readonly RegisteredPlugin[];
  /** Names of a kind, sorted. */
  names(kind: PluginKind): readonly string[];
  /** Whether there is such a plugin. */
  has(kind: PluginKind, name: string): boolean;
  /** @throws ConfigError listing the names that exist; `path` is where the name stands in the config. */
  get<K extends PluginKind>(kind: K, name: string, path?: string): PluginByKind[K];
  /** Options with defaults filled in, or what is wrong with them (paths relative to the options). Does not change its argument. */
  checkOptions(kind: PluginKind, name: string, options: PluginOptions): CheckedOptions;
}

/** Options with defaults filled in, or what is wrong with them. */
export type CheckedOptions =
  | { readonly ok: true; readonly options: PluginOptions }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/** @throws PluginError when two plugins of a kind have the same name, naming both sources. */
export function createRegistry(registered: readonly RegisteredPlugin[]): PluginRegistry {
  const byKind = new Map<PluginKind, Map<string, RegisteredPlugin>>(
    PLUGIN_KINDS.map((kind) => [kind, new Map()]),
  );
  const of = (kind: PluginKind) => byKind.get(kind)!;
  for (const entry of registered) {
    const { kind, name } = entry.plugin;
    const other = of(kind).get(name);
    if (other) {
      throw new PluginError(
        entry.from,
        `there is another ${KINDS[kind].title} "${name}", from ${other.from}`,
        {
          hint: "rename one of them or leave one out (an application may give one under `replace`)",
        },
      );
    }
    of(kind).set(name, entry);
  }

  const ajv = createAjv({ fillDefaults: true });
  const validators = new Map<AnyPlugin, ValidateFunction>();
  const validatorOf = (plugin: AnyPlugin): ValidateFunction => {
    const { $id: _id, ...schema } = plugin.options;
    const validator = validators.get(plugin) ?? ajv.compile(schema);
    validators.set(plugin, validator);
    return validator;
  };

  const names = (kind: PluginKind) => [...of(kind).keys()].sort();
  const get = <K extends PluginKind>(kind: K, name: string, path = ""): PluginByKind[K] => {
    const found = of(kind).get(name);
    if (!found) {
      throw new ConfigError(path, `there is no ${KINDS[kind].title} "${name}"`, {
        hint: suggest(name, names(kind), "there are"),
      });
    }
    return found.plugin as PluginByKind[K];
  };

  /** A plugin chosen inside another's options: its name, or its name under `use` beside its options. */
  const choose = (kind: PluginKind, value: unknown): CheckedOptions => {
    const { use, ...options } = (typeof value === "string" ? { use: value } : value) as { use: string };
    if (!of(kind).has(use)) {
      const problem: Problem = {
        path: typeof value === "string" ? [] : ["use"],
        at: "value",
        problem: `there is no ${KINDS[kind].title} "${use}"`,
        hint: suggest(use, names(kind), "there are"),
      };
      return { ok: false, problems: [problem] };
    }
    const checked = registry.checkOptions(kind, use, options);
    return checked.ok ? { ok: true, options: { use, ...checked.options } } : checked;
  };

  const registry: PluginRegistry = {
    list: (kind) =>
      (kind ? [kind] : PLUGIN_KINDS).flatMap((one) => names(one).map((name) => of(one).get(name)!)),
    names,
    has: (kind, name) => of(kind).has(name),
    get,
    checkOptions(kind, name, options) {
      const validate = validatorOf(get(kind, name));
      const filled = structuredClone(options) as Record<string, unknown>;
      if (!validate(filled)) return { ok: false, problems: explain(validate.errors ?? []) };
      const plugin = get(kind, name);
      const problems: Problem[] = [];
      for (const [option, inner] of Object.entries(("chooses" in plugin && plugin.chooses) || {})) {
        if (filled[option] === undefined) continue;
        const chosen = choose(inner, filled[option]);
        if (chosen.ok) filled[option] = chosen.options;
        else problems.push(...chosen.problems.map((one) => ({ ...one, path: [option, ...one.path] })));
      }
      return problems.length > 0 ? { ok: false, problems } : { ok: true, options: filled };
    },
  };
  return registry;
}

import type { ValidateFunction } from "ajv";
import type { PluginKind, PluginRegistry } from "../../container/index.ts";
import { KINDS } from "../../container/kinds.ts";
import { createAjv } from "../../container/schema/ajv.ts";
import { explain } from "../../container/schema/explain.ts";
import { suggest } from "../../container/schema/nearest.ts";
import { type Problem, toPointer } from "../../container/schema/problem.ts";
import type { JsonSchema } from "../../plugin-api/index.ts";
import { takeApart } from "./choices.ts";
import type { PluginChoice } from "./types.ts";

type Path = readonly (string | number)[];

/** Chosen instead of a plugin, where having none is possible. */
export const NONE = "none";

/** Turns what the user wrote where something is chosen by name into complete choices, collecting what is wrong. */
export interface Resolver {
  readonly problems: Problem[];
  plugin(kind: PluginKind, path: Path, value: unknown): PluginChoice | undefined;
  plugins(kind: PluginKind, path: Path, values: unknown): readonly PluginChoice[];
  /** As `plugin`, but `none` means none. */
  optional(kind: PluginKind, path: Path, value: unknown): PluginChoice | undefined;
  /** Chooses from a fixed table instead of the plugins. */
  fromTable(
    what: string,
    table: Readonly<Record<string, { readonly options: JsonSchema }>>,
    path: Path,
    value: unknown,
  ): PluginChoice | undefined;
}

/** @param known what is wrong already: a choice at or around the place of one is left alone */
export function createResolver(registry: PluginRegistry, known: readonly Problem[]): Resolver {
  const problems: Problem[] = [];
  const broken = new Set(
    known.flatMap(({ path }) => [...path, undefined].map((_, depth) => toPointer(path.slice(0, depth)))),
  );
  const isBroken = (path: Path) => broken.has(toPointer(path));

  const unknownName = (path: Path, value: unknown, title: string, use: string, names: readonly string[]) => {
    const at = typeof value === "string" ? path : [...path, "use"];
    problems.push({
      path: at,
      at: "value",
      problem: `there is no ${title} "${use}"`,
      hint: suggest(use, names, "there are"),
    });
    return undefined;
  };

  const plugin: Resolver["plugin"] = (kind, path, value) => {
    if (value === undefined || isBroken(path)) return undefined;
    const { use, label, options } = takeApart(value);
    if (!registry.has(kind, use))
      return unknownName(path, value, KINDS[kind].title, use, registry.names(kind));
    const checked = registry.checkOptions(kind, use, options);
    if (!checked.ok) {
      problems.push(...checked.problems.map((problem) => ({ ...problem, path: [...path, ...problem.path] })));
      return undefined;
    }
    return { use, ...(label === undefined ? {} : { label }), options: checked.options };
  };

  return {
    problems,
    plugin,
    plugins(kind, path, values) {
      if (!Array.isArray(values)) return [];
      return values
        .map((value, index) => plugin(kind, [...path, index], value))
        .filter((choice) => choice !== undefined);
    },
    optional(kind, path, value) {
      if (value === undefined || isBroken(path)) return undefined;
      const { use, options } = takeApart(value);
      if (use !== NONE) return plugin(kind, path, value);
      for (const option of Object.keys(options)) {
        problems.push({
          path: [...path, option],
          at: "key",
          problem: `"${NONE}" has no options`,
          hint: "remove it",
        });
      }
      return undefined;
    },
    fromTable(what, table, path, value) {
      if (value === undefined || isBroken(path)) return undefined;
      const { use, label, options } = takeApart(value);
      const names = Object.keys(table);
      if (!names.includes(use)) return unknownName(path, value, what, use, names);
      const filled = { ...structuredClone(options), ...(label === undefined ? {} : { label }) };
      const check: ValidateFunction = createAjv({ fillDefaults: true }).compile(table[use]!.options);
      if (!check(filled)) {
        problems.push(
          ...explain(check.errors ?? []).map((problem) => ({ ...problem, path: [...path, ...problem.path] })),
        );
        return undefined;
      }
      return { use, options: filled };
    },
  };
}

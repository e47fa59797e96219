import { anyChoice } from "../../comparison/config/choices.ts";
import { type ConfigDocument, ConfigErrors, type PluginChoice } from "../../comparison/config/index.ts";
import { createResolver } from "../../comparison/config/resolve-choices.ts";
import type { PluginKind, PluginRegistry } from "../../container/index.ts";
import { createAjv } from "../../container/schema/ajv.ts";
import { explain } from "../../container/schema/explain.ts";
import { suggest } from "../../container/schema/nearest.ts";
import type { Problem } from "../../container/schema/problem.ts";
import { ConfigError } from "../../errors.ts";
import { checkPreset } from "../check-preset.ts";
import { serveSchema } from "./schema.ts";
import type { ServeConfig } from "./types.ts";

/**
 * The server's file, checked against its schema and every plugin's options, with all defaults filled in; presets are
 * checked as requests are.
 * @throws ConfigError for one problem, ConfigErrors for several; each says file:line:column and the JSON path
 */
export function validateServeConfig(document: ConfigDocument, registry: PluginRegistry): ServeConfig {
  const data = structuredClone(document.data) as Record<string, unknown>;
  if (data === null || typeof data !== "object" || Array.isArray(data)) {
    throw document.errors([
      {
        path: [],
        at: "value",
        problem: "a server's file must be a mapping of properties",
        hint: "start with: experiments: [my-experiment]",
      },
    ]);
  }
  const check = createAjv({ fillDefaults: true }).compile(serveSchema((kind) => anyChoice(kind)));
  const structural = check(data) ? [] : explain(check.errors ?? []);
  const resolver = createResolver(registry, structural);
  const choices = (kind: PluginKind, list: string) =>
    Object.fromEntries(
      Object.entries((data[list] ?? {}) as Record<string, unknown>).flatMap(
        ([name, value]): [string, PluginChoice][] => {
          const choice = resolver.plugin(kind, [list, name], value);
          return choice ? [[name, choice]] : [];
        },
      ),
    );
  const datasets = choices("dataset", "datasets");
  const backbones = choices("backbone", "backbones");
  const problems = [...structural, ...resolver.problems];
  if (problems.length === 0) {
    const { allow } = data as unknown as ServeConfig;
    problems.push(...unknown(registry, "peft", "pefts", allow.pefts));
    problems.push(...unknown(registry, "loss", "losses", allow.losses));
  }
  if (problems.length > 0) throw document.errors(problems);
  const { $schema: _schema, ...rest } = data;
  const server = { ...rest, datasets, backbones } as unknown as ServeConfig;
  const wrong = presetErrors(server, document, registry);
  if (wrong.length > 0) throw wrong.length === 1 ? wrong[0] : new ConfigErrors(wrong);
  return server;
}

/** What is wrong with the presets, as whoever launches one would be told. */
function presetErrors(
  server: ServeConfig,
  document: ConfigDocument,
  registry: PluginRegistry,
): readonly ConfigError[] {
  const { baseDir } = document;
  const experiment = server.experiments[0]!;
  return Object.entries(server.presets).flatMap(([name, preset]) => {
    const within = { document, path: ["presets", name] };
    try {
      checkPreset(preset, { server, registry, baseDir, experiment, within });
      return [];
    } catch (error) {
      if (error instanceof ConfigErrors) return error.errors;
      if (error instanceof ConfigError) return [error];
      throw error;
    }
  });
}

/** Names under `allow` that no plugin has. */
function unknown(
  registry: PluginRegistry,
  kind: PluginKind,
  list: string,
  names: readonly string[] = [],
): Problem[] {
  return names.flatMap((name, index): Problem[] =>
    registry.has(kind, name)
      ? []
      : [
          {
            path: ["allow", list, index],
            at: "value",
            problem: `there is no ${kind} "${name}"`,
            hint: suggest(name, registry.names(kind), "there are"),
          },
        ],
  );
}

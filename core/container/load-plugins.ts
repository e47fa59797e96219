import { existsSync, statSync } from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { describeError } from "../errors.ts";
import type { PluginSource } from "./discover.ts";
import { PluginError } from "./errors.ts";
import type { AnyPlugin } from "./kinds.ts";
import { resolvePackage } from "./resolve-package.ts";
import { validateApiVersion, validatePlugin } from "./validate-plugin.ts";

/** A plugin and where it came from. */
export interface RegisteredPlugin<P extends AnyPlugin = AnyPlugin> {
  readonly plugin: P;
  readonly from: string;
}

/**
 * Finds what a config names under `plugins`: a path (starting with `.`, `/` or a drive, or an existing file) relative
 * to the config's folder, anything else an npm package seen from there.
 * @throws PluginError when there is no such file or package.
 */
export function locatePlugin(specifier: string, baseDir: string): PluginSource {
  if (/^\.{1,2}([/\\]|$)/.test(specifier) || path.isAbsolute(specifier)) {
    const file = path.resolve(baseDir, specifier);
    if (!existsSync(file))
      throw new PluginError(specifier, `there is no file ${file}`, { hint: "check the path" });
    if (!statSync(file).isFile()) {
      throw new PluginError(specifier, `${file} is a folder`, {
        hint: "name the file that exports the plugin",
      });
    }
    return { from: specifier, file };
  }
  const file = resolvePackage(specifier, baseDir);
  if (file === undefined || !path.isAbsolute(file)) {
    throw new PluginError(specifier, `no such package is installed where ${baseDir} can see it`, {
      hint: `npm install ${specifier}, or start the name with ./ if it is a file`,
    });
  }
  return { from: specifier, file };
}

/**
 * Imports a module and takes its plugins: the export `plugin`, or `plugins` for several.
 * @throws PluginError when it does not load, exports none, or exports something that is no plugin.
 */
export async function importPlugins({ from, file }: PluginSource): Promise<RegisteredPlugin[]> {
  let module: Record<string, unknown>;
  try {
    module = (await import(pathToFileURL(file).href)) as Record<string, unknown>;
  } catch (cause) {
    throw new PluginError(from, `it does not load: ${describeError(cause)}`, {
      cause,
      hint: /\.[cm]?tsx?$/.test(file)
        ? "Node 20 runs JavaScript only: compile it, or start dualtail with tsx"
        : file,
    });
  }
  validateApiVersion(module.pluginApiVersion, from);
  const { plugin, plugins } = module;
  if (plugin === undefined && !Array.isArray(plugins)) {
    throw new PluginError(from, `it exports no "plugin"`, {
      hint: `exports: ${Object.keys(module).join(", ") || "none"}; write: export const plugin = defineLoss({ … })`,
    });
  }
  const several = Array.isArray(plugins) ? (plugins as unknown[]) : [];
  const found = plugin === undefined ? several : [plugin, ...several.filter((other) => other !== plugin)];
  return found.map((candidate) => ({ plugin: validatePlugin(candidate, from), from }));
}

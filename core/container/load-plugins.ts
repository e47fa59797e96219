import { existsSync, statSync } from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { describeError } from "../errors.ts";
import type { PluginSource } from "./discover.ts";
import { PluginError } from "./errors.ts";
import type { AnyPlugin } from "./kinds.ts";
import { entryOf, manifestOf } from "./manifest.ts";
import { resolvePackage } from "./resolve-package.ts";
import { validateApiVersion, validatePlugin } from "./validate-plugin.ts";

/** A plugin and where it came from. */
export interface RegisteredPlugin<P extends AnyPlugin = AnyPlugin> {
  readonly plugin: P;
  readonly from: string;
  /**
   * Absent for a built-in one. By what its code is told from other code: the file it was imported from, or the version
   * that the application gave an object; neither where nothing is known.
   */
  readonly code?: { readonly file?: string; readonly version?: string };
  /** Source of the one of the same kind and name that this one stands in place of. */
  readonly replaces?: string;
}

/**
 * Finds what a config names under `plugins`: a path (starting with `.`, `/` or a drive) of a file or of a folder with a
 * package.json or index.js, relative to the config's folder; anything else is an npm package seen from there.
 * @throws PluginError when there is no such file or package.
 */
export function locatePlugin(specifier: string, baseDir: string): PluginSource {
  if (/^\.{1,2}([/\\]|$)/.test(specifier) || path.isAbsolute(specifier)) {
    const place = path.resolve(baseDir, specifier);
    if (!existsSync(place))
      throw new PluginError(specifier, `there is no file ${place}`, { hint: "check the path" });
    const file = statSync(place).isFile() ? place : entryOf(place);
    if (file === undefined) {
      throw new PluginError(specifier, `${place} is a folder without a package.json or an index.js`, {
        hint: "name the file that exports the plugin",
      });
    }
    if (!existsSync(file)) {
      throw new PluginError(specifier, `its package.json names ${file}, which does not exist`, {
        hint: "build the plugin (npm run build in its folder)",
      });
    }
    return { from: specifier, file, ...manifestOf(file) };
  }
  const file = resolvePackage(specifier, baseDir);
  if (file === undefined || !path.isAbsolute(file)) {
    throw new PluginError(specifier, `no such package is installed where ${baseDir} can see it`, {
      hint: `npm install ${specifier}, or start the name with ./ if it is a file`,
    });
  }
  return { from: specifier, file, ...manifestOf(file) };
}

/**
 * Imports a module and takes its plugins: the export `plugin`, or `plugins` for several.
 * @throws PluginError when it does not load, exports none, or exports something that is no plugin.
 */
export async function importPlugins({ from, file, manifest }: PluginSource): Promise<RegisteredPlugin[]> {
  // First of all: a plugin for another version may import what is not there.
  if (manifest) validateApiVersion(manifest.pluginApiVersion, from, manifest.file);
  let module: Record<string, unknown>;
  try {
    module = (await import(pathToFileURL(file).href)) as Record<string, unknown>;
  } catch (cause) {
    throw new PluginError(from, `it does not load: ${describeError(cause)}`, {
      cause,
      hint: /\.[cm]?tsx?$/.test(file)
        ? "Node 20 runs JavaScript only: compile it, or start dualtail with tsx"
        : importsDualtail(cause)
          ? "run npm install dualtail in the plugin's folder or above it"
          : file,
    });
  }
  validateApiVersion(module.pluginApiVersion, from, file);
  const { plugin, plugins } = module;
  if (plugin === undefined && !Array.isArray(plugins)) {
    throw new PluginError(from, `it exports no "plugin"`, {
      hint: `exports: ${Object.keys(module).join(", ") || "none"}; write: export const plugin = defineLoss({ … })`,
    });
  }
  const several = Array.isArray(plugins) ? (plugins as unknown[]) : [];
  const found = plugin === undefined ? several : [plugin, ...several.filter((other) => other !== plugin)];
  return found.map((candidate) => {
    if (typeof candidate === "object" && candidate !== null && "apiVersion" in candidate)
      validateApiVersion(candidate.apiVersion, from, file);
    return { plugin: validatePlugin(candidate, from), from };
  });
}

/** Node's complaint about a plugin that lies where no dualtail is installed. */
function importsDualtail(cause: unknown): boolean {
  const { code, message } = cause as NodeJS.ErrnoException;
  return code === "ERR_MODULE_NOT_FOUND" && /package 'dualtail'/.test(message);
}

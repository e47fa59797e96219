import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { PluginError } from "./errors.ts";
import { pickTarget } from "./resolve-package.ts";

/** What a package says of its plugins in its package.json: `"dualtail": { "pluginApiVersion": 1 }`. */
export interface PluginManifest {
  /** The package.json. */
  readonly file: string;
  readonly pluginApiVersion: unknown;
}

interface PackageJson {
  readonly name?: unknown;
  readonly main?: unknown;
  readonly exports?: unknown;
  readonly dualtail?: { readonly pluginApiVersion?: unknown };
}

/**
 * What is said of plugins by the package that `file` belongs to: the package.json next above it that says it or has a name.
 * One without, as beside compiled files (`{ "type": "module" }`), only tells Node how to read them.
 */
export function manifestOf(file: string): { readonly manifest?: PluginManifest } {
  for (let folder = path.dirname(file); ; folder = path.dirname(folder)) {
    const manifest = path.join(folder, "package.json");
    if (existsSync(manifest)) {
      const { name, dualtail } = read(manifest);
      const stated = dualtail?.pluginApiVersion;
      if (stated !== undefined) return { manifest: { file: manifest, pluginApiVersion: stated } };
      if (name !== undefined) return {};
    }
    if (folder === path.dirname(folder)) return {};
  }
}

/** The file that a folder stands for: what its package.json exports, else its index.js; undefined without either. */
export function entryOf(folder: string): string | undefined {
  const manifest = path.join(folder, "package.json");
  const index = ["index.js", "index.mjs"]
    .map((name) => path.join(folder, name))
    .find((name) => existsSync(name));
  if (!existsSync(manifest)) return index;
  const { exports, main } = read(manifest);
  const table = typeof exports === "object" && exports !== null ? (exports as Record<string, unknown>) : {};
  const target = pickTarget(Object.hasOwn(table, ".") ? table["."] : exports) ?? main;
  return typeof target === "string" ? path.join(folder, target) : index;
}

/** @throws PluginError for a package.json that is none */
function read(file: string): PackageJson {
  try {
    return JSON.parse(readFileSync(file, "utf8")) as PackageJson;
  } catch (cause) {
    throw new PluginError(path.dirname(file), `${file} is not JSON: ${(cause as Error).message}`, { cause });
  }
}

import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";

/** Conditions under which we import; "require" is left to Node's own resolver, which is tried first. */
const CONDITIONS = new Set(["node", "import", "module-sync", "default"]);

/** First target in an `exports` value that holds for an import. */
export function pickTarget(exported: unknown): string | undefined {
  if (typeof exported === "string") return exported;
  if (Array.isArray(exported)) return exported.map(pickTarget).find((target) => target !== undefined);
  if (typeof exported !== "object" || exported === null) return undefined;
  for (const [condition, value] of Object.entries(exported)) {
    if (!CONDITIONS.has(condition)) continue;
    const target = pickTarget(value);
    if (target !== undefined) return target;
  }
  return undefined;
}

/**
 * The file that `import "specifier"` would load from a module in `folder`. Node offers this for `require` only, which
 * does not see packages that export nothing but an import condition.
 * @returns undefined when no such package is installed where `folder` can see it.
 */
export function resolvePackage(specifier: string, folder: string): string | undefined {
  const { resolve } = createRequire(path.join(folder, "noop.js"));
  try {
    return resolve(specifier);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== "ERR_PACKAGE_PATH_NOT_EXPORTED" && code !== "MODULE_NOT_FOUND") throw error;
  }
  const [, name, subpath] = /^((?:@[^/]+\/)?[^/]+)(?:\/(.+))?$/.exec(specifier) ?? [];
  if (name === undefined) return undefined;
  for (const modules of resolve.paths(specifier) ?? []) {
    const home = path.join(modules, name);
    const manifest = path.join(home, "package.json");
    if (!existsSync(manifest)) continue;
    const { exports } = JSON.parse(readFileSync(manifest, "utf8")) as { exports?: unknown };
    const key = subpath === undefined ? "." : `./${subpath}`;
    const table = typeof exports === "object" && exports !== null ? (exports as Record<string, unknown>) : {};
    const target = pickTarget(Object.hasOwn(table, key) ? table[key] : key === "." ? exports : undefined);
    return target === undefined ? undefined : path.join(home, target);
  }
  return undefined;
}

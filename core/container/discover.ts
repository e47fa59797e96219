import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { KINDS, PLUGIN_KINDS } from "./kinds.ts";
import type { PluginManifest } from "./manifest.ts";

/** A module that exports plugins, before it is imported. */
export interface PluginSource {
  /** For messages: "plugins/losses/ce", the package name, the file. */
  readonly from: string;
  readonly file: string;
  /** Of the package that the file belongs to; not looked at for built-in plugins. */
  readonly manifest?: PluginManifest;
}

/** The folder `plugins/` beside `core/`: the sources' when run from source, the compiled ones when run from dist. */
export const builtinFolder = fileURLToPath(new URL("../../plugins/", import.meta.url));

/** Source or compiled, like this module. */
const INDEX = `index${path.extname(fileURLToPath(import.meta.url))}`;

/** Every `<kind folder>/<name>/index` under `folder`, in a fixed order. A folder without an index is not a plugin. */
export async function discoverBuiltins(folder: string = builtinFolder): Promise<PluginSource[]> {
  const perKind = await Promise.all(
    PLUGIN_KINDS.map(async (kind) => {
      const inside = path.join(folder, KINDS[kind].folder);
      if (!existsSync(inside)) return [];
      const entries = await readdir(inside, { withFileTypes: true });
      return entries
        .filter((entry) => entry.isDirectory())
        .map(({ name }) => ({
          from: `plugins/${KINDS[kind].folder}/${name}`,
          file: path.join(inside, name, INDEX),
        }))
        .filter(({ file }) => existsSync(file))
        .sort((a, b) => (a.from < b.from ? -1 : 1));
    }),
  );
  return perKind.flat();
}

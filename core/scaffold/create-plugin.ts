import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import type { PluginKind } from "../container/index.ts";
import { FileError } from "../errors.ts";
import { PLUGIN_API_VERSION } from "../plugin-api/index.ts";

export type Language = "js" | "ts";
export type LossMode = "single" | "joint" | "post-hoc";

export const LOSS_MODES: readonly LossMode[] = ["single", "joint", "post-hoc"];

export interface NewPlugin {
  readonly kind: PluginKind;
  readonly name: string;
  readonly language: Language;
  /** Of a loss. */
  readonly mode: LossMode;
  /** Absolute; made when it is missing. */
  readonly folder: string;
  /** The folder as commands and configs name it, e.g. `./plugins/my-loss`. */
  readonly place: string;
  /** Version of dualtail that the plugin is written for. */
  readonly dualtailVersion: string;
}

const templates = fileURLToPath(new URL("templates/", import.meta.url));

/**
 * Writes a plugin that works as it is, to be changed: a folder with its code and options, a test, a README and a
 * package.json.
 * @returns the files, by their names in the folder
 * @throws FileError when the folder is not empty: nothing is overwritten
 */
export async function createPlugin(plugin: NewPlugin): Promise<readonly string[]> {
  const { folder, kind, language } = plugin;
  const present = await entriesOf(folder);
  if (present.length > 0) {
    throw new FileError(
      folder,
      `the folder is there already and not empty (${present.slice(0, 3).join(", ")})`,
      {
        hint: "choose another name or --dir; nothing is overwritten",
      },
    );
  }
  const own = kind === "loss" ? path.join(kind, plugin.mode) : kind;
  const testOf = kind === "loss" && plugin.mode === "single" ? own : "";
  const sources: Readonly<Record<string, string>> = {
    [`index.${language}`]: path.join(own, `index.${language}`),
    // The same in both languages.
    [`test.${language}`]: path.join(testOf, "test.js"),
    "README.md": path.join(kind, "README.md"),
    // Under another name here: tools take a nested package.json for a package of its own.
    "package.json": path.join(language, "manifest.json"),
    "tsconfig.json": path.join(language, "tsconfig.json"),
  };
  await mkdir(folder, { recursive: true });
  for (const [file, source] of Object.entries(sources)) {
    const text = await readFile(path.join(templates, source), "utf8");
    await writeFile(path.join(folder, file), filled(file, text, plugin), { flag: "wx" });
  }
  return Object.keys(sources);
}

async function entriesOf(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === "ENOENT") return [];
    throw new FileError(folder, code === "ENOTDIR" ? "is a file" : "cannot be read", { cause });
  }
}

/** A template with the plugin's own name and place, and what depends on the version and the language. */
function filled(file: string, text: string, plugin: NewPlugin): string {
  const { kind, name, language, place, dualtailVersion } = plugin;
  if (file === "package.json") {
    const manifest = JSON.parse(text) as Record<string, object | string>;
    const done = {
      ...manifest,
      name: `dualtail-${kind}-${name}`,
      peerDependencies: { dualtail: `>=${dualtailVersion}` },
      dualtail: { pluginApiVersion: PLUGIN_API_VERSION },
    };
    return `${JSON.stringify(done, null, 2)}\n`;
  }
  // In one go: a place may hold what a name is put for.
  const named = text.replaceAll(new RegExp(`(\\./)?my-${kind}`, "g"), (_all, path) => (path ? place : name));
  if (file !== "README.md" || language === "js") return named;
  return named
    .replaceAll("index.js", "index.ts")
    .replaceAll("test.js", "test.ts")
    .replace(/^Check what/m, `${TYPESCRIPT}\n\nCheck what`);
}

const TYPESCRIPT =
  "Once, `npm install` in this folder, which fetches the compiler; after every change, `npm run build`.";

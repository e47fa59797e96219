import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { DualtailError, FileError } from "../../../core/plugin-api/index.ts";
import type { SetEntry } from "./vocabulary.ts";

/** What is used of an Iconify icon: markup inside a box of left, top, width and height. */
export interface Icon {
  readonly body: string;
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

export interface IconSet {
  readonly entry: SetEntry;
  readonly icons: ReadonlyMap<string, Icon>;
}

interface IconifyJson {
  readonly icons: Readonly<Record<string, Partial<Icon> & { body: string; hidden?: boolean }>>;
  readonly left?: number;
  readonly top?: number;
  readonly width?: number;
  readonly height?: number;
}

/**
 * Reads icon sets from their npm packages, looked up from this package and from `baseDir`. Icons withdrawn upstream
 * (hidden) and animated ones, whose first frame is often empty, are left out; so are aliases, which repeat a drawing.
 * @throws DualtailError naming every package that is missing and the command that installs them.
 */
export async function readIconSets(entries: readonly SetEntry[], baseDir: string): Promise<IconSet[]> {
  const files = entries.map((entry) => locate(`${entry.package}/icons.json`, baseDir));
  const missing = entries.filter((_, i) => files[i] === undefined);
  if (missing.length > 0) {
    const names = missing.map((entry) => `${entry.package}@${entry.version}`);
    throw new DualtailError(
      `icons-lt: ${missing.length} of ${entries.length} icon packages are not installed (${names[0]}${names.length > 1 ? ", …" : ""})`,
      { hint: `npm install --save-dev ${names.join(" ")}` },
    );
  }
  return Promise.all(
    entries.map(async (entry, i) => ({ entry, icons: parse(await readFile(files[i]!, "utf8"), files[i]!) })),
  );
}

function locate(request: string, baseDir: string): string | undefined {
  for (const from of [import.meta.url, join(baseDir, "package.json")]) {
    try {
      return createRequire(from).resolve(request);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "MODULE_NOT_FOUND") throw error;
    }
  }
  return undefined;
}

function parse(text: string, file: string): Map<string, Icon> {
  let json: IconifyJson;
  try {
    json = JSON.parse(text) as IconifyJson;
  } catch (cause) {
    throw new FileError(file, "not valid JSON", { cause, hint: "install the package again" });
  }
  const icons = new Map<string, Icon>();
  for (const [name, icon] of Object.entries(json.icons)) {
    if (icon.hidden || /<(animate|set\b)/.test(icon.body)) continue;
    icons.set(name, {
      body: icon.body,
      left: icon.left ?? json.left ?? 0,
      top: icon.top ?? json.top ?? 0,
      width: icon.width ?? json.width ?? 16,
      height: icon.height ?? json.height ?? 16,
    });
  }
  return icons;
}

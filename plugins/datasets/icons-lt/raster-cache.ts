import { createHash } from "node:crypto";
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { DatasetContext } from "../../../core/plugin-api/index.ts";
import type { CatalogItem } from "./catalog.ts";
import { rasterize } from "./rasterize.ts";

/** Raise when the drawing changes: a cache of another version is another file. */
const VERSION = 1;

const sha256 = (...parts: readonly (string | Uint8Array)[]) => {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest("hex");
};

/** Beside the pixels: what they are, and their checksum. */
interface Index {
  readonly version: number;
  readonly side: number;
  readonly sha256: string;
  readonly ids: readonly string[];
}

/**
 * Grey rasters of the items (items.length × side × side, row-major), drawn once and kept in
 * `cacheDir/icons-lt/<name>-<side>-<digest>.{gray,json}`. A cache that does not match its checksum is drawn again.
 */
export async function cachedRasters(
  name: string,
  items: readonly CatalogItem[],
  side: number,
  context: Pick<DatasetContext, "cacheDir" | "progress" | "warn">,
): Promise<Uint8Array> {
  const ids = items.map(({ id }) => id);
  const revisions = [...new Set(items.map(({ revision }) => revision))];
  const key = sha256(JSON.stringify([VERSION, side, revisions, ids])).slice(0, 16);
  const folder = join(context.cacheDir, "icons-lt");
  const stem = join(folder, `${name}-${side}-${key}`);
  const cached = await readCache(stem, ids, side);
  if (cached instanceof Uint8Array) return cached;
  if (cached === "corrupt") context.warn(`icons-lt: the cache ${stem}.gray is damaged and is drawn again`);
  const report = context.progress(`drawing ${items.length} icons`, items.length);
  const pixels = await rasterize(items, side, report);
  await mkdir(folder, { recursive: true });
  const index: Index = { version: VERSION, side, sha256: sha256(pixels), ids };
  await replaceFile(`${stem}.gray`, pixels);
  await replaceFile(`${stem}.json`, JSON.stringify(index));
  return pixels;
}

async function readCache(stem: string, ids: readonly string[], side: number) {
  let text: string;
  let bytes: Uint8Array;
  try {
    [text, bytes] = await Promise.all([readFile(`${stem}.json`, "utf8"), readFile(`${stem}.gray`)]);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return "missing";
    throw error;
  }
  let index: Partial<Index>;
  try {
    index = JSON.parse(text) as Partial<Index>;
  } catch {
    return "corrupt";
  }
  const sound =
    bytes.length === ids.length * side * side &&
    index?.sha256 === sha256(bytes) &&
    index.ids?.length === ids.length &&
    index.ids.every((id, i) => id === ids[i]);
  return sound ? bytes : "corrupt";
}

/** Never leaves half a file under its name, also with two processes at it. */
async function replaceFile(file: string, content: string | Uint8Array): Promise<void> {
  const temporary = `${file}.${process.pid}.${Date.now()}.tmp`;
  try {
    await writeFile(temporary, content);
    await rename(temporary, file);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

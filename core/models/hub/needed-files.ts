import { access, readFile } from "node:fs/promises";
import { join } from "node:path";
import { type CheckpointLayout, layoutOf, layouts, TOKENIZER_FILES } from "../checkpoint/layouts.ts";

export { NEEDED } from "../checkpoint/layouts.ts";

const INDEX = "model.safetensors.index.json";
const SHARD = /^model-\d+-of-\d+\.safetensors$/;

/** The layout that files are fetched in: the first that is complete, else the first that is begun. */
const chosen = (has: (path: string) => boolean): CheckpointLayout => layoutOf(has) ?? layouts[0]!;

/** The files of a repository that are worth fetching: small ones first. */
export function wantedFiles(paths: readonly string[]): string[] {
  const here = new Set(paths);
  const { configs, weights } = chosen((path) => here.has(path));
  const first = weights.find((name) => here.has(name));
  const shards = first === INDEX ? paths.filter((path) => SHARD.test(path)).sort() : [];
  const small = [...configs, ...TOKENIZER_FILES].filter((path) => here.has(path));
  return [...small, ...shards, ...(first === undefined ? [] : [first])];
}

/** Which of the needed files `has` does not know; empty when a checkpoint is complete in one layout. */
export function missingFiles(has: (path: string) => boolean): string[] {
  const layout = chosen(has);
  const missing = layout.configs.filter((path) => !has(path));
  if (!layout.weights.some(has)) missing.push(layout.weights[0]!);
  if (!has("tokenizer.json") && !(has("vocab.json") && has("merges.txt"))) missing.push("tokenizer.json");
  return missing;
}

/** The same for a folder, shards included. */
export async function missingIn(folder: string): Promise<string[]> {
  const present = async (path: string): Promise<boolean> =>
    access(join(folder, path)).then(
      () => true,
      () => false,
    );
  const names = [...layouts.flatMap(({ configs, weights }) => [...configs, ...weights]), ...TOKENIZER_FILES];
  const found = new Set<string>();
  for (const name of names) if (await present(name)) found.add(name);
  const has = (path: string): boolean => found.has(path);
  const missing = missingFiles(has);
  if (chosen(has).weights.find(has) !== INDEX) return missing;
  const shards = await shardNames(join(folder, INDEX));
  for (const shard of shards) if (!(await present(shard))) missing.push(shard);
  return missing;
}

/** Empty for an index that cannot be read: opening the checkpoint will say so, naming the file. */
async function shardNames(index: string): Promise<string[]> {
  try {
    const { weight_map: map } = JSON.parse(await readFile(index, "utf8")) as {
      weight_map?: Record<string, string>;
    };
    return [...new Set(Object.values(map ?? {}))].filter((name) => SHARD.test(name));
  } catch {
    return [];
  }
}

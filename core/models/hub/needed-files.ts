import { access, readFile } from "node:fs/promises";
import { join } from "node:path";

const WEIGHTS = "model.safetensors";
const INDEX = "model.safetensors.index.json";
const SHARD = /^model-\d+-of-\d+\.safetensors$/;
const CONFIGS = ["config.json", "preprocessor_config.json"];
const TOKENIZER = [
  "tokenizer.json",
  "tokenizer_config.json",
  "special_tokens_map.json",
  "vocab.json",
  "merges.txt",
];

/** What a checkpoint folder must hold, in words. */
export const NEEDED = `${[...CONFIGS, WEIGHTS].join(", ")} and tokenizer.json (or vocab.json with merges.txt)`;

/** The files of a repository that are worth fetching: small ones first. */
export function wantedFiles(paths: readonly string[]): string[] {
  const here = new Set(paths);
  const weights = here.has(WEIGHTS) ? [WEIGHTS] : paths.filter((path) => path === INDEX || SHARD.test(path));
  return [...[...CONFIGS, ...TOKENIZER].filter((path) => here.has(path)), ...weights.sort()];
}

/** Which of the needed files `has` does not know; empty when a checkpoint is complete. */
export function missingFiles(has: (path: string) => boolean): string[] {
  const missing = CONFIGS.filter((path) => !has(path));
  if (!has(WEIGHTS) && !has(INDEX)) missing.push(WEIGHTS);
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
  const names = [...CONFIGS, ...TOKENIZER, WEIGHTS, INDEX];
  const found = new Set<string>();
  for (const name of names) if (await present(name)) found.add(name);
  const missing = missingFiles((path) => found.has(path));
  if (found.has(WEIGHTS) || !found.has(INDEX)) return missing;
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

import { readFile } from "node:fs/promises";
import { join } from "node:path";

/** Files of a folder by name. */
export const readAll = async (folder: string, names: readonly string[]): Promise<Map<string, Buffer>> =>
  new Map(await Promise.all(names.map(async (name) => [name, await readFile(join(folder, name))] as const)));

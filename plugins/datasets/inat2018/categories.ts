import { FileError } from "../../../core/plugin-api/index.ts";
import type { ClassInfo } from "../shared/lists/list-benchmark.ts";
import { readText } from "../shared/text-lines.ts";

/** Levels of the taxonomy, from 8,142 species to 6 kingdoms, by their key in the category file. */
export const LEVELS = {
  species: "name",
  genus: "genus",
  family: "family",
  order: "order",
  class: "class",
  phylum: "phylum",
  supercategory: "supercategory",
  kingdom: "kingdom",
} as const;
export type Level = keyof typeof LEVELS;

/**
 * Reads iNaturalist's category file: `[{"id": 0, "name": "Hermodice carunculata", "genus": …}, …]`. Species keep the
 * labels of the lists; at a higher level the classes are the distinct names in code-point order.
 * @throws FileError naming the entry that is not a category, or an id that is missing or comes twice
 */
export async function readCategories(file: string, level: Level): Promise<ClassInfo> {
  const key = LEVELS[level];
  const text = await readText(file, "category file");
  let entries: unknown;
  try {
    entries = JSON.parse(text);
  } catch (cause) {
    throw new FileError(file, `the category file is not JSON: ${(cause as Error).message}`, {
      hint: "use iNaturalist 2018's categories.json",
      cause,
    });
  }
  if (!Array.isArray(entries) || entries.length === 0) {
    throw new FileError(file, "the category file is not a list of categories", {
      hint: "use iNaturalist 2018's categories.json",
    });
  }
  const names: string[] = [];
  for (const [i, entry] of entries.entries()) {
    const { id = i, [key]: name } = (entry ?? {}) as Record<string, unknown>;
    if (typeof name !== "string" || name.trim() === "") {
      throw new FileError(file, `/${i} has no ${key}`, {
        hint: "in iNaturalist 2018 the names came out after the competition; use the categories.json with them",
      });
    }
    if (typeof id !== "number" || !Number.isInteger(id) || id < 0 || id >= entries.length) {
      throw new FileError(
        file,
        `/${i}/id is ${JSON.stringify(id)}, which is no label from 0 to ${entries.length - 1}`,
      );
    }
    if (names[id] !== undefined) throw new FileError(file, `/${i}/id: the category ${id} comes twice`);
    names[id] = name;
  }
  if (level === "species") return { classNames: names };
  const classNames = [...new Set(names)].sort(byCodePoint);
  const labelOf = new Map(classNames.map((name, label) => [name, label]));
  return { classNames, relabel: Int32Array.from(names, (name) => labelOf.get(name)!) };
}

const byCodePoint = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b));

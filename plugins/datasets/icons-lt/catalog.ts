import { type IconName, readName } from "./naming.ts";
import { type Icon, readIconSets } from "./packages.ts";
import { type Role, type SetEntry, sets } from "./vocabulary.ts";

/** One icon: where it comes from, what it shows, how it is drawn. */
export interface CatalogItem extends IconName {
  /** Prefix of its set. */
  readonly set: string;
  /** Designer, or designers of the same drawings. */
  readonly group: string;
  readonly role: Role;
  /** Unique: "set:name". */
  readonly id: string;
  /** Changes when the drawing may: set and package version. */
  readonly revision: string;
  readonly icon: Icon;
}

/** Every icon of the sets with one of these roles, in the order of sets.json. @throws DualtailError for missing packages. */
export async function readCatalog(roles: readonly Role[], baseDir: string): Promise<CatalogItem[]> {
  const entries = sets.filter((entry) => roles.includes(entry.role));
  const loaded = await readIconSets(entries, baseDir);
  return loaded.flatMap(({ entry, icons }) =>
    [...icons]
      .filter(([name]) => !isExcluded(entry, name))
      .map(([name, icon]) => ({
        ...readName(entry, name),
        set: entry.prefix,
        group: entry.group,
        role: entry.role,
        id: `${entry.prefix}:${name}`,
        revision: `${entry.prefix}@${entry.version}`,
        icon,
      })),
  );
}

/** `exclude` lists names, or beginnings of names followed by an asterisk. */
function isExcluded({ exclude = [] }: SetEntry, name: string): boolean {
  return exclude.some((pattern) =>
    pattern.endsWith("*") ? name.startsWith(pattern.slice(0, -1)) : name === pattern,
  );
}

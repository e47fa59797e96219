import { existsSync } from "node:fs";
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";

/** What is in the package, and what should not be. */
export interface Contents {
  /** Files and bytes by folder, two levels deep. */
  readonly folders: ReadonlyMap<string, { readonly files: number; readonly bytes: number }>;
  readonly problems: readonly string[];
}

/** Larger ones are named, so that a weight file or a picture does not slip in. */
const LARGE = 1_000_000;

/** Never to be published: tests and their data, sources, notes of a machine. */
const UNWANTED: readonly (readonly [RegExp, string])[] = [
  [/\.test\.[cm]?[jt]s(\.map)?$/, "is a test"],
  [/(^|\/)(fixtures|__fixtures__|node_modules|\.dualtail)\//, "is in a folder of tests or tools"],
  [/(?<!\.d)\.[cm]?tsx?$/, "is a source file beside its compiled form"],
  [/\.(log|tgz|tmp|pyc)$/, "is left over"],
];

/**
 * @param root the unpacked package
 * @param large names that may be large
 * @param secrets texts that no file may hold, such as the folder it was built in
 */
export async function readContents(
  root: string,
  { large, secrets }: { large: readonly RegExp[]; secrets: readonly string[] },
): Promise<Contents> {
  const folders = new Map<string, { files: number; bytes: number }>();
  const problems: string[] = [];
  for (const entry of await readdir(root, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const full = join(entry.parentPath, entry.name);
    const file = full.slice(root.length + 1).replaceAll("\\", "/");
    const { size } = await stat(full);
    const folder = file.split("/").slice(0, -1).slice(0, 2).join("/") || ".";
    const { files, bytes } = folders.get(folder) ?? { files: 0, bytes: 0 };
    folders.set(folder, { files: files + 1, bytes: bytes + size });
    // Templates of plugins and examples are files that people read and edit.
    const unwanted = /\/templates\/|^examples\//.test(file) ? [] : UNWANTED;
    for (const [pattern, what] of unwanted) if (pattern.test(file)) problems.push(`${file} ${what}`);
    if (size > LARGE && !large.some((pattern) => pattern.test(file))) {
      problems.push(`${file} has ${size} bytes`);
    }
    const text = await readFile(full, "latin1");
    // An editor and tsx look at the one next to a file that they are given.
    if (/(^|\/)tsconfig[^/]*\.json$/.test(file) && !file.includes("/templates/")) {
      for (const [, path] of text.matchAll(/"(\.\.?\/[^"*]*)/g)) {
        if (!existsSync(join(full, "..", path!)))
          problems.push(`${file} names ${path}, which is not in the package`);
      }
    }
    for (const secret of secrets) if (text.includes(secret)) problems.push(`${file} holds ${secret}`);
  }
  return { folders: new Map([...folders].sort(([a], [b]) => (a < b ? -1 : 1))), problems };
}

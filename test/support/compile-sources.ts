import { execFile } from "node:child_process";
import { mkdir, mkdtemp, symlink } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const run = promisify(execFile);
const root = fileURLToPath(new URL("../..", import.meta.url));

/** Compiles a TypeScript project of this clone, with the data files of core and plugins beside it. */
export async function compileTo(folder: string, project: string): Promise<void> {
  const tsc = join(createRequire(import.meta.url).resolve("typescript/package.json"), "..", "bin", "tsc");
  // Types are the linter's business: here they would be checked once more.
  const quick = ["--noCheck", "--sourceMap", "false", "--inlineSources", "false"];
  await run(process.execPath, [tsc, "-p", project, "--outDir", folder, ...quick], { cwd: root });
  await run(process.execPath, ["scripts/copy-data.mjs", folder], { cwd: root });
}

/**
 * core, plugins and test/support as programs: a process that starts from them takes a third of the time that one takes
 * which starts from sources. @returns a new folder, for the caller to remove
 */
export async function compileSources(): Promise<string> {
  // Below the clone, where its packages are found.
  await mkdir(join(root, ".dualtail"), { recursive: true });
  const folder = await mkdtemp(join(root, ".dualtail", "compiled-"));
  await compileTo(folder, "test/support/tsconfig.compiled.json");
  // Built by `npm run build`; where it was not, what needs it says so.
  await symlink(join(root, "dist", "launch-page"), join(folder, "launch-page"));
  return folder;
}

import { execFile } from "node:child_process";
import { readdir, stat } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const root = fileURLToPath(new URL("../../", import.meta.url));
const BUILT = `${root}dist/launch-page/launch.html`;

/** The page is tested as its sources are now: built again where one of them is newer than what was built. */
export async function buildIfStale(): Promise<void> {
  const sources = (
    await Promise.all(
      ["launch-page", "core/launch-page", "core/container/schema"].map(async (folder) => {
        const files = await readdir(root + folder, { recursive: true });
        return files.filter((file) => !file.endsWith(".test.ts")).map((file) => `${root}${folder}/${file}`);
      }),
    )
  ).flat();
  const times = await Promise.all(sources.map(async (file) => (await stat(file)).mtimeMs));
  const built = await stat(BUILT)
    .then(({ mtimeMs }) => mtimeMs)
    .catch(() => 0);
  if (Math.max(...times) <= built) return;
  await promisify(execFile)(process.execPath, ["launch-page/build.mjs"], { cwd: root });
}

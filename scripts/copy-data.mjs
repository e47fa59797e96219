// Part of `npm run build`: what tsc leaves behind. Copies the data files beside the sources into dist and makes the
// command line executable.
import { chmod, cp } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../", import.meta.url));
/** Elsewhere for tests: `node scripts/copy-data.mjs <folder>`. */
const dist = path.resolve(process.argv[2] ?? path.join(root, "dist"));
const isData = (name) => !/\.([cm]?tsx?|md)$/.test(name);
/** Fixtures of tests stay out of the package. */
const isTest = (name) => /(^|\.)(test|tests|__fixtures__|fixtures)(\.|$)/.test(name);

for (const folder of ["core", "plugins"]) {
  await cp(path.join(root, folder), path.join(dist, folder), {
    recursive: true,
    filter: (source) => {
      const name = path.basename(source);
      return !isTest(name) && isData(name);
    },
  });
}
// Templates of plugins are copied for their users as they are, code included.
const templates = "core/scaffold/templates";
await cp(path.join(root, templates), path.join(dist, templates), { recursive: true });
await chmod(path.join(dist, "core/cli/main.js"), 0o755);

import { execFileSync } from "node:child_process";
import { mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { publishedFiles } from "./published-files.mts";

// Writes schemas/ and docs/configuration.md: npm run schemas
const root = fileURLToPath(new URL("../", import.meta.url));
const files = await publishedFiles();
for (const [file, content] of files) {
  await mkdir(path.dirname(path.join(root, file)), { recursive: true });
  await writeFile(path.join(root, file), content);
}
// The schema of a plugin that is gone.
for (const entry of await readdir(path.join(root, "schemas"), { recursive: true, withFileTypes: true })) {
  const file = path.relative(root, path.join(entry.parentPath, entry.name)).replaceAll(path.sep, "/");
  if (entry.isFile() && file.endsWith(".schema.json") && !files.has(file)) await rm(path.join(root, file));
}
const biome = createRequire(import.meta.url).resolve("@biomejs/biome/bin/biome");
execFileSync(process.execPath, [biome, "format", "--write", "schemas"], { cwd: root, stdio: "ignore" });
console.log(`${files.size} files written`);

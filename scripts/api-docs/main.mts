/**
 * Writes the API's documentation, one page per public module of package.json, into `.dualtail/api`:
 *
 *     npm run api-docs
 *
 * Fails when something public has no docstring, names a type that is not public, or links to nothing. The modules and the
 * rules are in typedoc.config.mjs.
 */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const folder = fileURLToPath(new URL(".", import.meta.url));
const output = join(folder, "../../.dualtail/api");

interface Reflection {
  readonly name: string;
  readonly children?: readonly Reflection[];
}

function run(program: string, args: readonly string[]): void {
  const { status, error } = spawnSync(program, args, { cwd: folder, stdio: "inherit" });
  if (error) throw error;
  if (status !== 0) process.exit(status ?? 1);
}

if (!existsSync(join(folder, "node_modules/typedoc"))) run("npm", ["ci", "--no-audit", "--no-fund"]);
run(process.execPath, [
  join(folder, "node_modules/typedoc/bin/typedoc"),
  "--options",
  "typedoc.config.mjs",
  "--html",
  "../../.dualtail/api",
  "--json",
  "../../.dualtail/api/api.json",
  "--logLevel",
  "Warn",
]);

const { children: modules = [] } = JSON.parse(readFileSync(join(output, "api.json"), "utf8")) as Reflection;
for (const { name, children = [] } of modules) console.log(`${name}: ${children.length} symbols`);
const total = modules.reduce((sum, { children = [] }) => sum + children.length, 0);
console.log(`${modules.length} modules, ${total} symbols, in .dualtail/api`);

/** Imports the modules it is given, and prints which packages came along, as JSON. Run in a process of its own. */
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

for (const file of process.argv.slice(2)) await import(pathToFileURL(file).href);
// Packages of compiled code are CommonJS, so that all of them are in this cache.
const { cache } = createRequire(import.meta.url);
const packages = Object.keys(cache).flatMap((file) => {
  const [, name] = /.*node_modules[/\\]((?:@[^/\\]+[/\\])?[^/\\]+)/.exec(file) ?? [];
  return name === undefined ? [] : [name];
});
console.log(JSON.stringify([...new Set(packages)]));

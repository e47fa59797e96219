/**
 * Before a release is packed, in its workflow: writes the repository's address into package.json, and into README.md for
 * its links. The sources hold neither, since they do not know where they are published.
 */
import { readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { absoluteLinks, addressFrom, originOf } from "./address.mts";

const file = (name: string) => fileURLToPath(new URL(`../../${name}`, import.meta.url));
const address = addressFrom(process.env);

const manifest = JSON.parse(await readFile(file("package.json"), "utf8")) as Record<string, unknown>;
await writeFile(file("package.json"), `${JSON.stringify({ ...manifest, ...originOf(address) }, null, 2)}\n`);
await writeFile(file("README.md"), absoluteLinks(await readFile(file("README.md"), "utf8"), address));
console.log(`from ${address.repository} at ${address.tag}`);

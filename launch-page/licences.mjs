import { readdir, readFile } from "node:fs/promises";
import path from "node:path";

/** Notes which packages end up in a bundle, for their licences to go with it. */
export function bundledLicences() {
  const folders = new Set();
  const plugin = {
    name: "bundled-licences",
    generateBundle() {
      for (const id of this.getModuleIds()) {
        const folder = /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+/.exec(id.replaceAll("\\", "/"))?.[0];
        if (folder && !folder.startsWith("\0")) folders.add(folder);
      }
    },
  };
  const text = async () => {
    const parts = await Promise.all([...folders].sort().map(licenceOf));
    return `launch.html contains these packages.\n\n${parts.join("\n\n")}\n`;
  };
  return { plugin, text };
}

async function licenceOf(folder) {
  const { name, version, license } = JSON.parse(await readFile(path.join(folder, "package.json"), "utf8"));
  const file = (await readdir(folder)).find((entry) => /^licen[cs]e/i.test(entry));
  const text = file ? (await readFile(path.join(folder, file), "utf8")).trim() : "";
  return [`${name} ${version} (${license})`, text].filter(Boolean).join("\n\n");
}

import { createContainer, type PluginRegistry, resolve } from "../../core/container/index.ts";
import { type TempFolder, TOY_PLUGINS, tempFolder } from "./plugin-folder.ts";

/** A config of TOY_PLUGINS that leaves out whatever has a default. */
export const MINIMAL = `
experiment: toy
dataset: toy-data
backbones: [toy-a]
peft: none
losses: [ce]
`.trimStart();

/** A registry that has TOY_PLUGINS too, and the folder they are in, which the caller removes. */
export async function toyRegistry(): Promise<{
  readonly folder: TempFolder;
  readonly registry: PluginRegistry;
}> {
  const folder = await tempFolder();
  await folder.write("toy.mjs", TOY_PLUGINS);
  const container = await createContainer({ plugins: ["./toy.mjs"], baseDir: folder.path });
  return { folder, registry: resolve(container, "registry") };
}

import { copyFile, cp, mkdir, symlink } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { compileTo } from "./compile-sources.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));

/**
 * dualtail as npm would install it into `folder`: built from the sources as they are, with the dependencies of this
 * clone. The page of `dualtail serve` is not built.
 */
export async function installPackage(folder: string): Promise<void> {
  const home = join(folder, "node_modules", "dualtail");
  const bin = join(folder, "node_modules", ".bin");
  await mkdir(bin, { recursive: true });
  await mkdir(home, { recursive: true });
  await compileTo(join(home, "dist"), "tsconfig.build.json");
  await copyFile(join(root, "package.json"), join(home, "package.json"));
  await cp(join(root, "schemas"), join(home, "schemas"), { recursive: true });
  await symlink(join(root, "node_modules"), join(home, "node_modules"));
  await symlink("../dualtail/dist/core/cli/main.js", join(bin, "dualtail"));
}

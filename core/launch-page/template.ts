import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { FileError } from "../errors.ts";

/** Beside this file's folder in the package, and in `dist` when run from the sources. */
const PLACES = ["../../launch-page/launch.html", "../../dist/launch-page/launch.html"];

/**
 * The built page without data.
 * @throws FileError when it has not been built
 */
export async function readTemplate(): Promise<string> {
  const files = PLACES.map((place) => fileURLToPath(new URL(place, import.meta.url)));
  for (const file of files) {
    try {
      return await readFile(file, "utf8");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    }
  }
  throw new FileError(files[0]!, "the launch page has not been built", { hint: "npm run build" });
}

import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type TempFolder, tempFolder } from "../../test/support/plugin-folder.ts";
import { createPlugin } from "./index.ts";

let folder: TempFolder;
beforeAll(async () => {
  folder = await tempFolder();
});
afterAll(() => folder.remove());

describe("a plugin from a template", () => {
  it.each(["js", "ts"] as const)(
    "in %s brings no dualtail of its own when its dependencies are installed",
    async (language) => {
      const place = path.join(folder.path, language);
      const about = { kind: "loss", name: "mine", mode: "single", place: `./${language}` } as const;
      await createPlugin({ ...about, language, folder: place, dualtailVersion: "0.1.0" });
      // Without the compiler, which a registry would have to be asked for: what is left must be nothing.
      const manifest = JSON.parse(await readFile(path.join(place, "package.json"), "utf8")) as Record<
        string,
        unknown
      >;
      const { devDependencies: _compiler, ...rest } = manifest;
      await folder.write(`${language}/package.json`, JSON.stringify(rest));
      await promisify(execFile)("npm", ["install", "--offline", "--ignore-scripts"], { cwd: place });
      expect(existsSync(path.join(place, "package-lock.json"))).toBe(true);
      expect(existsSync(path.join(place, "node_modules/dualtail"))).toBe(false);
      expect(manifest.peerDependencies).toEqual({ dualtail: ">=0.1.0" });
    },
  );

  it("tests its compiled test by name: of a folder, Node from 21 on runs the index", async () => {
    const place = path.join(folder.path, "tested");
    const about = { kind: "peft", name: "mine", mode: "single", place: "./tested" } as const;
    await createPlugin({ ...about, language: "ts", folder: place, dualtailVersion: "0.1.0" });
    const { scripts } = JSON.parse(await readFile(path.join(place, "package.json"), "utf8")) as {
      scripts: Record<string, string>;
    };
    expect(scripts.test).toMatch(/node --test dist\/test\.js$/);
  });
});

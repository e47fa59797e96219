import { readFile } from "node:fs/promises";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { commandLine } from "../../../test/support/command-line.ts";
import { type TempFolder, tempFolder } from "../../../test/support/plugin-folder.ts";

let folder: TempFolder;
beforeAll(async () => {
  folder = await tempFolder();
});
afterAll(() => folder.remove());

/** What `dualtail new …` prints, run in a folder where no dualtail is installed. */
async function printed(...args: string[]): Promise<string> {
  await folder.write("work/package.json", "{}");
  const { code, output } = await commandLine(["new", ...args], path.join(folder.path, "work"));
  expect(code, output).toBe(0);
  return output;
}

const steps = (output: string) =>
  output
    .split("\n")
    .filter((line) => /^ {2}np[mx] /.test(line))
    .map((line) => line.trim());

describe("dualtail new", () => {
  it("names the folder of --dir in what it prints and in the README", async () => {
    const output = await printed("loss", "mine", "--dir", "plugins/my-loss-2");
    const readme = await readFile(path.join(folder.path, "work/plugins/my-loss-2/README.md"), "utf8");
    for (const text of [output, readme]) {
      expect(text).toContain("npx dualtail check ./plugins/my-loss-2\n");
      expect(text).toContain("npx dualtail list --plugin ./plugins/my-loss-2\n");
      expect(text).toContain("plugins: [./plugins/my-loss-2]\n");
      expect(text).toContain("losses: [ce, mine]");
    }
    expect(readme).toMatch(/^# mine\n/);
  });

  it("installs dualtail above a TypeScript plugin, and only a compiler in it", async () => {
    expect(steps(await printed("peft", "typed", "--ts"))).toEqual([
      "npm install dualtail",
      "npm install --prefix ./typed",
      "npm run build --prefix ./typed",
      "npx dualtail check ./typed",
      "npx dualtail list --plugin ./typed",
      "npx dualtail compare comparison.yaml",
    ]);
    const readme = await readFile(path.join(folder.path, "work/typed/README.md"), "utf8");
    expect(readme).toMatch(/Once, `npm install` in this folder, .* after every change, `npm run build`/);
    expect(readme).toMatch(/`test\.ts`: .* uses the dualtail that is installed in a folder above this one/);
  });

  it("installs dualtail where a plugin elsewhere sees it", async () => {
    const [first] = steps(await printed("loss", "beside", "--dir", "../other/beside"));
    expect(first).toBe("npm install --prefix ../other dualtail");
  });

  it("quotes a folder with a space", async () => {
    const output = await printed("loss", "spaced", "--dir", "my plugins/spaced");
    expect(output).toContain('npx dualtail check "./my plugins/spaced"\n');
    expect(output).toContain('plugins: ["./my plugins/spaced"]\n');
  });
});

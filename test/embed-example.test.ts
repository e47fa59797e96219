import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { finish, startScript } from "./support/cli.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const examples = `${root}examples/typescript/`;
const folder = mkdtempSync(join(tmpdir(), "embed-"));
afterAll(() => rmSync(folder, { recursive: true }));

let out: string;
beforeAll(async () => {
  const paths = { TSX_TSCONFIG_PATH: `${examples}tsconfig.json` };
  const { code, stdout, stderr } = await finish(
    startScript(`${examples}embed/main.ts`, [folder], root, paths),
  );
  expect(code, stderr).toBe(0);
  out = stdout;
}, 120_000);

const NAMES = ["balanced", "long-tailed"];

describe("examples/typescript/embed", () => {
  it("prints a table of each comparison, with all its runs in its own tracker", () => {
    for (const name of NAMES) {
      const table = out.split(`\n${name}, 4 runs in memory\n`)[1]!.split("\n\n")[0]!;
      const overall = (loss: string) => Number(new RegExp(`^${loss} .*?(\\d+\\.\\d)`, "m").exec(table)?.[1]);
      // Six classes: chance is a sixth.
      for (const loss of ["zero-shot", "ce", "la"]) expect(overall(loss)).toBeGreaterThan(50);
    }
  });

  it("logs by the application's logger and runs by its executor", () => {
    for (const name of NAMES) {
      expect(out).toContain(`[${name}] 2 cells to train\n`);
      expect(out).toMatch(new RegExp(`^\\[${name}\\] la · clip · seed 0: \\d+ images$`, "m"));
    }
    // Six classes of 32 images by three epochs, and by what an imbalance of 16 leaves of them.
    expect(out).toContain("[balanced] ce · clip · seed 0: 576 images\n");
    expect(out).toContain("[long-tailed] ce · clip · seed 0: 240 images\n");
  });

  it("leaves a run folder of each and nothing else", () => {
    expect(readdirSync(folder).map((name) => name.replace(/^[\dT-]+-(?=[a-z])/, ""))).toEqual(
      expect.arrayContaining(NAMES),
    );
    expect(readdirSync(folder)).toHaveLength(2);
  });
});

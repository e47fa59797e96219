import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { about, failures } from "../../test/support/check-failures.ts";
import { type TempFolder, tempFolder } from "../../test/support/plugin-folder.ts";
import { defineStrataLoss } from "../plugin-api/index.ts";
import { checkSource, describeReport } from "./index.ts";

let folder: TempFolder;
beforeAll(async () => {
  folder = await tempFolder();
});
afterAll(() => folder.remove());

const check = async (specifier: string, plugins: readonly string[] = []) => {
  const options = { baseDir: folder.path, cacheDir: folder.path, cost: false, plugins };
  const [report, ...more] = await checkSource(specifier, options);
  expect(more).toEqual([]);
  return report!;
};

/** Source of a loss in a file that needs no dualtail; `body` is that of its `build`. */
const lossFile = (name: string, body: string, before = "") => `${before}
export const plugin = {
  kind: "loss", name: "${name}", summary: "In a file",
  options: { type: "object", properties: {}, additionalProperties: false },
  recipe: () => ({ mode: "single", needs: [], build: (g, { logits, labels, classCounts }) => { ${body} } }),
};`;

describe("what a specifier stands for", () => {
  it("a plugin that does not load is a failed check", async () => {
    await folder.write("broken.mjs", "export const = 1;");
    expect(await check("./broken.mjs")).toMatchObject({
      passed: false,
      findings: [{ check: "loads", verdict: "fail" }],
    });
  });

  it("an unknown name is an error that says what there is", async () => {
    await expect(check("cee")).rejects.toThrow(
      expect.objectContaining({ hint: expect.stringMatching(/\.\/cee; .*did you mean "ce"/) }),
    );
  });
});

describe("a plugin that names another one, in another folder", () => {
  const source = `export const plugin = {
    kind: "loss", name: "combined", summary: "Mean of runs of mine",
    options: { type: "object", properties: {}, additionalProperties: false },
    recipe: () => ({ mode: "post-hoc", base: { use: "mine" }, predict: (g, [z]) => z }),
  };`;
  beforeAll(async () => {
    await folder.write("mine/index.mjs", lossFile("mine", "return g.crossEntropy(logits, labels);"));
    await folder.write("combined.mjs", source);
  });

  it("passes with that one", async () => {
    const report = await check("./combined.mjs", ["./mine"]);
    expect(report.passed, describeReport(report)).toBe(true);
    expect(describeReport(report)).toMatch(/combines mine runs/);
  });

  it("fails without", async () => {
    const report = await check("./combined.mjs");
    expect(report.findings).toContainEqual(
      expect.objectContaining({ check: "recipe", found: 'its base "mine" does not exist' }),
    );
  });

  it("passes as an object, too", async () => {
    const combined = defineStrataLoss({
      ...about,
      recipe: () => ({ mode: "post-hoc", base: { use: "mine" }, predict: (_g, [z]) => z! }),
    });
    const options = { plugins: ["./mine"], baseDir: folder.path };
    expect((await failures(combined, options)).checks).toEqual([]);
    expect((await failures(combined)).checks).toEqual(["recipe"]);
  });

  it("is an error where the other one does not load", async () => {
    await expect(check("./combined.mjs", ["./nowhere"])).rejects.toThrow(/there is no file .*nowhere/);
  });
});

describe("a loss in a file", () => {
  const plus = (offset: string) =>
    `return g.crossEntropy(g.add(logits, g.constant(${offset}, [classCounts.length])), labels);`;

  it.each([
    ["the first problem's counts", "let most;", "most ??= Math.max(...classCounts);"],
    ["random numbers of its import", "const most = 1 + Math.random();", ""],
  ])("fails when its module keeps %s", async (_what, before, first) => {
    const name = `stale-${before.length}`;
    const body = first + plus("classCounts.map((count) => count / most)");
    await folder.write(`${name}.mjs`, lossFile(name, body, before));
    const report = await check(`./${name}.mjs`);
    const failed = report.findings.filter(({ verdict }) => verdict === "fail");
    expect(failed).toEqual([
      expect.objectContaining({
        check: "determinism",
        found: expect.stringMatching(/imported anew, it gives/),
      }),
    ]);
  });

  it("passes where its module keeps nothing", async () => {
    await folder.write("clean.mjs", lossFile("clean", "return g.crossEntropy(logits, labels);"));
    const report = await check("./clean.mjs");
    expect(report.passed, describeReport(report)).toBe(true);
    expect(describeReport(report)).toMatch(/imported anew, it gives the same bits/);
  });
});

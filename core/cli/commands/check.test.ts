import { afterAll, beforeAll, expect, it } from "vitest";
import { commandLine } from "../../../test/support/command-line.ts";
import { type TempFolder, tempFolder } from "../../../test/support/plugin-folder.ts";

let folder: TempFolder;
beforeAll(async () => {
  folder = await tempFolder();
  const about = `summary: "Toy", options: { type: "object", properties: {}, additionalProperties: false }`;
  await folder.write(
    "base/index.mjs",
    `export const plugin = { kind: "loss", name: "base", ${about}, recipe: () => ({
      mode: "single", needs: [], build: (g, { logits, labels }) => g.crossEntropy(logits, labels) }) };`,
  );
  await folder.write(
    "combined.mjs",
    `export const plugin = { kind: "loss", name: "combined", ${about}, recipe: () => ({
      mode: "post-hoc", base: { use: "base" }, predict: (g, [z]) => z }) };`,
  );
});
afterAll(() => folder.remove());

it("takes the plugins that a plugin names, each by --plugin", async () => {
  const check = (...args: string[]) => commandLine(["check", "./combined.mjs", ...args], folder.path);
  const without = await check();
  expect(without).toMatchObject({ code: 1, output: expect.stringMatching(/its base "base" does not exist/) });
  expect(without.output).toMatch(/→ .*--plugin/);
  const beside = await check("--plugin", "./base", "--plugin", "./combined.mjs");
  expect(beside).toMatchObject({ code: 0, output: expect.stringMatching(/combines base runs/) });
});

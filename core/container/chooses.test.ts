import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type TempFolder, tempFolder } from "../../test/support/plugin-folder.ts";
import { createContainer, type PluginRegistry, resolve } from "./index.ts";

const SOURCE = `
const options = (properties) => ({ type: "object", properties, additionalProperties: false });
const source = { kind: "strata", name: "halves", summary: "Halves", options: options({ cut: { type: "integer", minimum: 1, default: 2 } }),
  estimate: async () => ({ masses: new Float32Array([1]), tensors: {} }), conditionals: () => [] };
`;
const loss = (chooses: string) =>
  `export const plugin = { kind: "loss", name: "mine", summary: "Mine", recipe() {}, chooses: ${chooses},
    options: { type: "object", properties: { from: {} }, additionalProperties: false } };`;

let folder: TempFolder;
let registry: PluginRegistry;
let count = 0;
const load = async (name: string, text: string) => {
  await folder.write(name, text);
  return resolve(await createContainer({ plugins: [`./${name}`], baseDir: folder.path }), "registry");
};
beforeAll(async () => {
  folder = await tempFolder();
  registry = await load("halves.mjs", `${SOURCE} export const plugin = source;`);
});
afterAll(() => folder.remove());

describe("a plugin chosen in another's options", () => {
  const check = (options: Readonly<Record<string, unknown>>) =>
    registry.checkOptions("loss", "backdoor-strata", options);

  it("is completed with its defaults, by name or by mapping, a third party's too", () => {
    const complete = { strata: { use: "halves", cut: 2 }, tau: 1 };
    expect(check({ strata: "halves" })).toEqual({ ok: true, options: complete });
    expect(check({ strata: { use: "halves", cut: 2 } })).toEqual({ ok: true, options: complete });
    // What was completed is valid as it is: a cell's options are read back from its model.json.
    expect(check(complete)).toEqual({ ok: true, options: complete });
    expect(check({})).toMatchObject({ ok: true, options: { strata: { use: "k-means", clusters: 32 } } });
  });

  it.each([
    ["a name that does not exist", { strata: "k-maens" }, ["strata"], /no source of strata "k-maens"/],
    ["such a name in a mapping", { strata: { use: "x" } }, ["strata", "use"], /no source of strata "x"/],
    ["an unknown option", { strata: { use: "halves", cot: 1 } }, ["strata", "cot"], /unknown property "cot"/],
    ["a wrong option", { strata: { use: "halves", cut: 0 } }, ["strata", "cut"], /must be at least 1/],
    [
      "another source's option",
      { strata: { use: "halves", clusters: 3 } },
      ["strata", "clusters"],
      /unknown/,
    ],
    ["a mapping without a name", { strata: {} }, ["strata"], /"use" is missing/],
    ["a number", { strata: 3 }, ["strata"], /must be a string or a mapping, but is 3/],
  ])("is refused with %s", (_what, options, path, problem) => {
    const checked = check(options);
    if (checked.ok) return expect.fail("it was accepted");
    expect(checked.problems).toEqual([
      expect.objectContaining({ path, problem: expect.stringMatching(problem) }),
    ]);
  });

  it.each([
    ["an option that there is not", `{ other: "strata" }`, /option "other", which it does not have/],
    ["a kind that there is not", `{ from: "stratum" }`, /"from" chooses a "stratum"/],
    ["no mapping", "[]", /`chooses` is not an object/],
  ])("cannot be asked for by a plugin with %s", async (_what, chooses, message) => {
    // A file of its own: a module is imported once.
    await expect(load(`loss-${count++}.mjs`, loss(chooses))).rejects.toThrow(message);
  });

  it("needs both functions of a source", async () => {
    const broken = `${SOURCE} export const plugin = { ...source, conditionals: undefined };`;
    await expect(load("broken.mjs", broken)).rejects.toThrow(/no function "conditionals"/);
  });
});

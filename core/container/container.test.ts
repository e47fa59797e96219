import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type TempFolder, TOY_PLUGINS, tempFolder } from "../../test/support/plugin-folder.ts";
import { PLUGIN_API_VERSION } from "../plugin-api/index.ts";
import { createContainer, resolve } from "./index.ts";

const loss = (changes: string) => `
export const plugin = { kind: "loss", name: "mine", summary: "Mine", recipe: () => ({}),
  options: { type: "object", properties: {}, additionalProperties: false }, ${changes} };`;
const schema = (properties: string, rest = "") =>
  loss(`options: { type: "object", additionalProperties: false, properties: ${properties}, ${rest} }`);

describe("createContainer", () => {
  let folder: TempFolder;
  let count = 0;
  beforeAll(async () => {
    folder = await tempFolder();
  });
  afterAll(() => folder.remove());

  /** A container with one plugin file of this source. */
  const withPlugin = async (source: string) => {
    const name = `./plugin-${count++}.mjs`;
    await folder.write(name, source);
    return createContainer({ plugins: [name], baseDir: folder.path });
  };

  it("finds the built-in plugins", async () => {
    const registry = resolve(await createContainer(), "registry");
    expect(registry.names("loss")).toEqual(expect.arrayContaining(["backdoor", "ce", "gla-train", "la"]));
    expect(registry.get("loss", "ce").kind).toBe("loss");
    expect(registry.list("loss").find(({ plugin }) => plugin.name === "ce")?.from).toBe("plugins/losses/ce");
  });

  it("adds several plugins of one file", async () => {
    const registry = resolve(await withPlugin(TOY_PLUGINS), "registry");
    expect(registry.names("backbone")).toEqual(expect.arrayContaining(["toy-a", "toy-b"]));
    expect(registry.has("dataset", "toy-data")).toBe(true);
  });

  it.each([
    ["one with a require condition", { main: "./index.js" }],
    [
      "one that only exports an import condition",
      { type: "module", exports: { ".": { types: "./x.d.ts", import: "./index.js" } } },
    ],
    ["one with a bare export", { type: "module", exports: "./index.js" }],
  ])("imports an npm package: %s", async (_what, manifest) => {
    const name = `@scope/dualtail-loss-${count++}`;
    const isModule = "type" in manifest;
    const source = loss(`name: "from-package"`);
    await folder.write(
      `node_modules/${name}/package.json`,
      JSON.stringify({ name, version: "1.0.0", ...manifest }),
    );
    await folder.write(
      `node_modules/${name}/index.js`,
      isModule ? source : source.replace("export const plugin =", "exports.plugin ="),
    );
    const registry = resolve(await createContainer({ plugins: [name], baseDir: folder.path }), "registry");
    expect(registry.list("loss").find(({ plugin }) => plugin.name === "from-package")?.from).toBe(name);
  });

  it("says which names exist and which was probably meant", async () => {
    const registry = resolve(await createContainer(), "registry");
    expect(() => registry.get("loss", "gla-trian", "/losses/0")).toThrow(
      expect.objectContaining({
        path: "/losses/0",
        message: expect.stringContaining('there is no loss "gla-trian"'),
        hint: expect.stringMatching(/did you mean "gla-train"\? \(there are: .*\bce\b/),
      }),
    );
  });

  it("fills in defaults without touching what it was given", async () => {
    const registry = resolve(await createContainer(), "registry");
    const given = {};
    expect(registry.checkOptions("loss", "la", given)).toEqual({ ok: true, options: { tau: 1 } });
    expect(given).toEqual({});
    expect(registry.checkOptions("loss", "la", { tua: 2 })).toMatchObject({
      ok: false,
      problems: [{ path: ["tua"], at: "key", problem: 'unknown property "tua"' }],
    });
  });

  it("names both sources when a name is taken", async () => {
    const taken = withPlugin(loss(`name: "ce"`));
    await expect(taken).rejects.toThrow(/plugin-\d+\.mjs.*another loss "ce", from plugins\/losses\/ce/);
  });

  it.each([
    ["a file that is missing", "./nowhere.mjs", /nowhere\.mjs: there is no file/],
    ["a folder without a plugin", "./empty", /is a folder without a package.json or an index.js/],
    ["a package that is not installed", "dualtail-loss-nowhere", /no such package is installed/],
  ])("refuses %s", async (_what, specifier, message) => {
    await folder.write("empty/notes.txt", "");
    await expect(createContainer({ plugins: [specifier], baseDir: folder.path })).rejects.toThrow(message);
  });

  it.each([
    ["its package.json's exports", "main.js", JSON.stringify({ type: "module", exports: "./main.js" })],
    ["its package.json's main", "lib/main.js", JSON.stringify({ type: "module", main: "lib/main.js" })],
    ["its index.js", "index.js", JSON.stringify({ type: "module" })],
  ])("imports a folder by %s", async (_what, file, manifest) => {
    const name = `folder-${count++}`;
    await folder.write(`${name}/package.json`, manifest);
    await folder.write(`${name}/${file}`, loss(""));
    const registry = resolve(
      await createContainer({ plugins: [`./${name}`], baseDir: folder.path }),
      "registry",
    );
    expect(registry.list("loss").find(({ plugin }) => plugin.name === "mine")?.from).toBe(`./${name}`);
  });

  it("says that a folder's plugin is not built", async () => {
    await folder.write("unbuilt/package.json", JSON.stringify({ exports: "./dist/index.js" }));
    await expect(createContainer({ plugins: ["./unbuilt"], baseDir: folder.path })).rejects.toThrow(
      expect.objectContaining({
        message: expect.stringMatching(/dist\/index\.js, which does not exist/),
        hint: expect.stringContaining("npm run build"),
      }),
    );
  });

  describe("refuses a plugin built for another version of the plugin API, naming both and the file", () => {
    const [older, newer] = [PLUGIN_API_VERSION - 1, PLUGIN_API_VERSION + 1];
    // Not even looked at when the package.json says it already.
    const broken = 'import { gone } from "./gone.js";';

    it.each([
      ["older, by its module", older, `export const pluginApiVersion = ${older};${loss("")}`, {}],
      ["newer, by its module", newer, `export const pluginApiVersion = ${newer};${loss("")}`, {}],
      ["older, by what define… stamped on it", older, loss(`apiVersion: ${older}`), {}],
      ["newer, by what define… stamped on it", newer, loss(`apiVersion: ${newer}`), {}],
      ["older, by its package.json", older, broken, { dualtail: { pluginApiVersion: older } }],
      ["newer, by its package.json", newer, broken, { dualtail: { pluginApiVersion: newer } }],
    ])("%s", async (_what, version, source, manifest) => {
      const name = `versioned-${count++}`;
      await folder.write(`${name}/package.json`, JSON.stringify({ type: "module", ...manifest }));
      await folder.write(`${name}/index.js`, source);
      const file = "dualtail" in manifest ? "package.json" : "index.js";
      await expect(createContainer({ plugins: [`./${name}`], baseDir: folder.path })).rejects.toThrow(
        expect.objectContaining({
          message: expect.stringMatching(
            `plugin ./${name}: it is built for plugin API ${version}, this dualtail has plugin API ${PLUGIN_API_VERSION} \\(stated in .*${file}\\)`,
          ),
          hint: expect.stringContaining(version === older ? "update the plugin" : "update dualtail"),
        }),
      );
    });

    it("also where a nested package.json hides the package's, before its code runs", async () => {
      const manifest = { name: "nested", main: "dist/index.js", dualtail: { pluginApiVersion: newer } };
      await folder.write("nested/package.json", JSON.stringify(manifest));
      await folder.write("nested/dist/package.json", JSON.stringify({ type: "module" }));
      await folder.write("nested/dist/index.js", broken);
      await expect(createContainer({ plugins: ["./nested"], baseDir: folder.path })).rejects.toThrow(
        /plugin API .* \(stated in .*nested\/package\.json\)/,
      );
    });

    it("but not by what is stated above the plugin's own package", async () => {
      const above = { name: "application", dualtail: { pluginApiVersion: newer } };
      await folder.write("application/package.json", JSON.stringify(above));
      await folder.write("application/own/package.json", JSON.stringify({ name: "own", type: "module" }));
      await folder.write("application/own/index.js", loss(""));
      const container = await createContainer({ plugins: ["./application/own"], baseDir: folder.path });
      expect(resolve(container, "registry").has("loss", "mine")).toBe(true);
    });

    it("but takes one of this version, by every way to say so", async () => {
      await folder.write(
        "fitting/package.json",
        JSON.stringify({ type: "module", dualtail: { pluginApiVersion: PLUGIN_API_VERSION } }),
      );
      const stated = `export const pluginApiVersion = ${PLUGIN_API_VERSION};`;
      await folder.write("fitting/index.js", stated + loss(`apiVersion: ${PLUGIN_API_VERSION}`));
      const container = await createContainer({ plugins: ["./fitting"], baseDir: folder.path });
      expect(resolve(container, "registry").has("loss", "mine")).toBe(true);
    });

    it("every built-in plugin carries this version", async () => {
      const registered = resolve(await createContainer(), "registry").list();
      expect(new Set(registered.map(({ plugin }) => plugin.apiVersion))).toEqual(
        new Set([PLUGIN_API_VERSION]),
      );
    });
  });

  it.each([
    ["code that does not parse", "export const = 1;", /does not load/],
    ["code that throws", `throw new Error("no luck");`, /does not load: no luck/],
    ["no export", "export const other = 1;", /exports no "plugin"/],
    ["another API version", `export const pluginApiVersion = 99;${loss("")}`, /built for plugin API 99/],
    ["a string", `export const plugin = "ce";`, /is string, not a plugin object/],
    ["an unknown kind", loss(`kind: "losses"`), /kind is "losses"/],
    ["a name with capitals", loss(`name: "Mine"`), /name is "Mine"/],
    ["a reserved name", loss(`name: "none"`), /name is "none"/],
    ["no summary", loss(`summary: " "`), /no summary/],
    ["no function", loss("recipe: 3"), /no function "recipe"/],
    ["no schema", loss("options: undefined"), /options schema is missing/],
    ["an open schema", schema("{}", "additionalProperties: true"), /additionalProperties: false/],
    ["a misspelt keyword", schema(`{ tau: { type: "number", defualt: 1 } }`), /unknown keyword: "defualt"/],
    ["an unknown type", schema(`{ tau: { type: "nubmer" } }`), /not valid/],
    [
      "a default its own schema refuses",
      schema(`{ tau: { type: "number", default: "1" } }`),
      /default at \/tau .* must be a number/,
    ],
    [
      "such a default further in",
      schema(
        `{ a: { type: "object", additionalProperties: false, properties: { b: { type: "integer", default: 0.5 } } } }`,
      ),
      /default at \/a\/b/,
    ],
    [
      "a default that would be ignored",
      schema(`{ a: { anyOf: [{ type: "object", properties: { b: { default: 1 } } }] } }`),
      /not valid/,
    ],
    ["an option called use", schema("{ use: {} }"), /option "use"/],
  ])("refuses a plugin with %s", async (_what, source, message) => {
    await expect(withPlugin(source)).rejects.toThrow(message);
  });
});

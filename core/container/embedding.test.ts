import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { memoryTracking } from "../../test/support/memory-tracker.ts";
import { type TempFolder, TOY_PLUGINS, tempFolder } from "../../test/support/plugin-folder.ts";
import { plugin as toy } from "../../test/support/toy-dataset.ts";
import { defineLoss } from "../plugin-api/index.ts";
import { createContainer, resolve, resolveTrackingPort, runScope, withPlugins } from "./index.ts";
import { silentReporter } from "./reporter.ts";

const options = { type: "object", properties: {}, additionalProperties: false } as const;
const lossCalled = (name: string, summary = "Mine") =>
  defineLoss({ name, summary, options, build: (g, { logits, labels }) => g.crossEntropy(logits, labels) });
const toyFile = fileURLToPath(new URL("../../test/support/toy-dataset.ts", import.meta.url));

let folder: TempFolder;
beforeAll(async () => {
  folder = await tempFolder();
});
afterAll(() => folder.remove());

describe("plugin objects", () => {
  it("stand beside files and built-in plugins", async () => {
    await folder.write("toys.mjs", TOY_PLUGINS);
    const plugins = [lossCalled("mine"), "./toys.mjs", { plugin: toy, version: "3" }];
    const registry = resolve(await createContainer({ plugins, baseDir: folder.path }), "registry");
    const find = (name: string) => registry.list().find(({ plugin }) => plugin.name === name);
    expect(find("mine")).toMatchObject({ from: "the application", code: {} });
    expect(find("toy")).toMatchObject({ from: "the application", code: { version: "3" } });
    expect(find("toy-a")?.code?.file).toMatch(/toys\.mjs$/);
    expect(find("ce")?.code).toBeUndefined();
  });

  it.each([
    ["no plugin", {}, /the application: its kind is undefined/],
    ["null", null, /the application: its export is object, not a plugin object/],
    [
      "no summary",
      { ...lossCalled("mine"), summary: "" },
      /the application \(loss "mine"\): it has no summary/,
    ],
    ["another API", { ...lossCalled("mine"), apiVersion: 99 }, /built for plugin API 99/],
    ["an empty version", { plugin: lossCalled("mine"), version: "" }, /the version beside a plugin is ""/],
    ["a taken name", lossCalled("ce"), /another loss "ce", from plugins\/losses\/ce/],
  ])("are checked as files are: %s", async (_what, plugin, message) => {
    await expect(createContainer({ plugins: [plugin as never] })).rejects.toThrow(message);
  });
});

describe("replace", () => {
  it("puts a plugin in the place of the built-in one, and only there", async () => {
    const container = await createContainer({ replace: [lossCalled("ce", "Not the built-in one")] });
    const before = resolve(await createContainer(), "registry");
    const registry = resolve(container, "registry");
    expect(registry.get("loss", "ce").summary).toBe("Not the built-in one");
    expect(registry.names("loss")).toEqual(before.names("loss"));
    expect(before.get("loss", "ce").summary).not.toBe("Not the built-in one");
  });

  it("names what there is when there is nothing to replace", async () => {
    await expect(createContainer({ replace: [lossCalled("cee")] })).rejects.toThrow(
      expect.objectContaining({
        message: expect.stringContaining('there is no loss "cee" that it could replace'),
        hint: expect.stringMatching(/did you mean "ce"\?.*\bla\b/),
      }),
    );
  });

  it("does not take two for one place", async () => {
    const both = [lossCalled("ce", "One"), lossCalled("ce", "Two")];
    await expect(createContainer({ replace: both })).rejects.toThrow(
      /another loss "ce", from the application/,
    );
  });
});

describe("a scope", () => {
  it("has what it is given and else its parent's, which does not change", async () => {
    const [own, other] = [memoryTracking("parent"), memoryTracking("scope")];
    const reporter = { ...silentReporter };
    const stop = new AbortController();
    const parent = await createContainer({ tracking: own.tracking });
    const scope = runScope(parent, { tracking: async () => other.tracking, signal: stop.signal });
    const sibling = runScope(parent, { reporter });
    stop.abort();
    const seen = async (container: typeof parent) => [
      (await resolveTrackingPort(container)).description,
      resolve(container, "signal").aborted,
      resolve(container, "reporter") === reporter,
    ];
    expect(await seen(scope)).toEqual(["scope", true, false]);
    expect(await seen(sibling)).toEqual(["parent", false, true]);
    expect(await seen(parent)).toEqual(["parent", false, false]);
    expect(resolve(scope, "registry")).toBe(resolve(parent, "registry"));
  });

  it("opens a tracking that is a function once", async () => {
    let opened = 0;
    const tracking = async () => {
      opened++;
      return memoryTracking().tracking;
    };
    const parent = await createContainer({ tracking });
    expect(opened).toBe(0);
    const [a, b] = [runScope(parent, {}), runScope(parent, {})];
    expect(await resolveTrackingPort(a)).toBe(await resolveTrackingPort(b));
    expect(opened).toBe(1);
  });

  it("opens a tracking again that could not be opened", async () => {
    let asked = 0;
    const tracking = async () => {
      if (++asked === 1) throw new Error("the server is down");
      return memoryTracking("up").tracking;
    };
    const parent = await createContainer({ tracking });
    const both = [resolveTrackingPort(runScope(parent, {})), resolveTrackingPort(parent)];
    for (const one of both) await expect(one).rejects.toThrow("the server is down");
    expect(asked).toBe(1);
    expect((await resolveTrackingPort(runScope(parent, {}))).description).toBe("up");
    expect((await resolveTrackingPort(parent)).description).toBe("up");
    expect(asked).toBe(2);
  });

  it("can have further plugins; one that the parent has stays the parent's", async () => {
    const parent = await createContainer({ plugins: [toyFile] });
    expect(await withPlugins(parent, [toyFile], folder.path)).toBe(parent);
    await folder.write("toys.mjs", TOY_PLUGINS);
    const scope = await withPlugins(parent, [toyFile, "./toys.mjs"], folder.path);
    expect(resolve(scope, "registry").has("backbone", "toy-a")).toBe(true);
    expect(resolve(scope, "registry").has("dataset", "toy")).toBe(true);
    expect(resolve(parent, "registry").has("backbone", "toy-a")).toBe(false);
  });
});

import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { parseConfigDocument } from "../comparison/config/index.ts";
import { createContainer, type PluginRegistry, resolve } from "../container/index.ts";
import { createAjv } from "../container/schema/ajv.ts";
import { describeError } from "../errors.ts";
import { type ServeConfig, validateServeConfig } from "./config/index.ts";
import { publishedServeSchema } from "./config/published-schema.ts";
import { resolveRequest } from "./resolve-request.ts";

let registry: PluginRegistry;
let server: ServeConfig;
const FILE = `
experiments: [e]
datasets: { pictures: { use: image-folder, root: ./secret/images } }
backbones: { small: { use: clip, folder: ./secret/clip }, other: { use: openclip, folder: ./secret/open } }
limits: { trainings: 6 }
allow: { losses: [ce, la, control], pefts: [lora, ssf] }
threads: 2
`;
beforeAll(async () => {
  registry = resolve(await createContainer(), "registry");
  server = validateServeConfig(parseConfigDocument(FILE, "serve.yaml"), registry);
});

const CONFIG = { dataset: "pictures", backbones: ["small", "other"], peft: "lora", losses: ["ce"] };
const resolved = (changes: Readonly<Record<string, unknown>> = {}) =>
  resolveRequest(
    { version: 1, config: { ...CONFIG, ...changes } },
    { server, registry, baseDir: "/srv", experiment: "e" },
  );
const refusal = (changes: Readonly<Record<string, unknown>>): string => {
  try {
    resolved(changes);
  } catch (error) {
    return describeError(error);
  }
  return expect.fail("it was accepted");
};

describe("a request", () => {
  it("has its names replaced by what the server's file says of them", () => {
    const { config, document, trainings } = resolved();
    expect(config).toMatchObject({ experiment: "e", device: "cpu", threads: 2, output: ".dualtail/runs" });
    expect(config.dataset).toMatchObject({ use: "image-folder", options: { root: "./secret/images" } });
    expect(config.backbones.map(({ use, label }) => [use, label])).toEqual([
      ["clip", "small"],
      ["openclip", "other"],
    ]);
    expect(trainings).toBe(2);
    // What is logged as config.yaml can be run from the command line.
    expect(parseConfigDocument(document.text, "config.yaml").data).toMatchObject({ experiment: "e" });
  });

  it.each<[string, Readonly<Record<string, unknown>>, RegExp]>([
    ["a path as data set", { dataset: "/etc" }, /^\/dataset: "\/etc" looks like a path/],
    ["a plugin as data set", { dataset: "image-folder" }, /no dataset "image-folder" — .*offered: pictures/],
    ["an option of a data set", { dataset: { use: "pictures", root: "x" } }, /\/dataset\/root: the options/],
    ["a name of Object", { backbones: ["constructor"] }, /offers no backbone "constructor"/],
    ["a drive", { backbones: ["c:clip"] }, /\/backbones\/0: "c:clip" looks like a path/],
    ["an address in an option", { losses: [{ use: "la", tau: "http://x" }] }, /\/losses\/0\/tau: .*address/],
    ["an experiment", { experiment: "mine" }, /\/experiment: "experiment" is not for a request/],
    ["an output folder", { output: "x" }, /\/output: .*not for a request/],
    ["threads", { threads: 64 }, /\/threads: .*not for a request/],
    ["a property of nobody", { shell: "x" }, /\/shell: .*not for a request/],
    ["a loss that is not allowed", { losses: ["focal"] }, /\/losses\/0: "focal" is not allowed here/],
    ["a PEFT method that is not allowed", { peft: "full" }, /\/peft: "full" is not allowed here — .*lora/],
    ["a device that is not allowed", { device: "webgpu" }, /\/device: "webgpu" is not allowed here/],
    ["too large a batch", { train: { batchSize: 4096 } }, /4096 images per update: .*at most 512/],
    ["too large a plan", { seeds: [...Array(40).keys()] }, /80 rows .*: this server takes at most 60/],
    ["a plan large by an option", { losses: ["la", { use: "control", runs: 1000 }] }, /2002 rows/],
    [
      "a batch that its parts do not divide, larger than any",
      { train: { batchSize: 1_000_000_000, microBatchSize: 3 } },
      /^\/train\/batchSize: 1000000000 images per update: .*at most 512$/,
    ],
    [
      "an evaluation in one pass",
      { evaluation: { batchSize: 1e9 } },
      /\/evaluation\/batchSize: .*at most 512/,
    ],
    [
      "the same methods many times",
      { peft: new Array(11).fill("lora") },
      /^\/peft: 11 PEFT methods: .*at most 10$/,
    ],
    ["many templates", { prompt: new Array(101).fill("a {}") }, /^\/prompt: 101 templates: .*at most 100$/],
    [
      "a terminal's command in a name",
      { name: "a\u001b[2Jb" },
      /^\/name: has characters that cannot be printed/,
    ],
    [
      "a line break in a label",
      { losses: [{ use: "ce", label: "a\nb" }] },
      /^\/losses\/0\/label: has characters/,
    ],
    ["NUL in a prompt", { prompt: ["a {}", "b\0 {}"] }, /^\/prompt\/1: has characters/],
    ["half a character in a prompt", { prompt: "\ud83d {}" }, /^\/prompt: has characters .* — remove them/],
    ["half a character in a name", { name: "a\ude00" }, /^\/name: has characters/],
    ["NUL where there is no prose", { backbones: ["small\0x"] }, /^\/backbones\/0: has characters/],
    ["a terminal's command as a key", { train: { "\u001b[2J": 1 } }, /^\/train\/.\[2J: has characters/],
    [
      "two entries of wrong forms",
      { backbones: [null, []] },
      /\/backbones\/0: must be .*\/backbones\/1: must be/,
    ],
    ["a list as a config's part", { losses: "ce" }, /\/losses: must be a list/],
  ])("is refused with %s", (_what, changes, reason) => {
    expect(refusal(changes)).toMatch(reason);
  });

  it.each(["name", "prompt", "losses", "head"])("is refused with what is nested deeply in %s", (key) => {
    const nested = JSON.parse(`${"[".repeat(10_000)}${"]".repeat(10_000)}`) as unknown;
    expect(refusal({ [key]: nested })).toMatch(/is nested too deeply/);
    expect(refusal({ losses: [{ use: "ce", label: nested }] })).toMatch(/is nested too deeply/);
  });

  it("may have slashes where it is prose", () => {
    expect(resolved({ name: "a/b", prompt: "a photo/drawing of a {}." }).config.name).toBe("a/b");
  });

  it("may have any language and pictures in its prose", () => {
    const name = "Vergleich – 比較 👩‍🔬 שלום";
    expect(resolved({ name, losses: [{ use: "ce", label: name }] }).config.name).toBe(name);
  });

  it.each([
    ["losses", /^\/losses: 202 rows [^\n]*at most 60$/],
    ["backbones", /^\/losses: 101 rows [^\n]*at most 60$/],
    ["seeds", /^\/losses: 202 rows [^\n]*at most 60$/],
    ["peft", /^\/peft: 101 PEFT methods: [^\n]*at most 10$/],
    ["prompt", /^\/prompt: 101 templates: [^\n]*at most 100$/],
  ])("has its %s counted before they are looked at one by one", (key, reason) => {
    // Otherwise each of them would be told to be of a wrong form.
    expect(refusal({ [key]: new Array(101).fill(1) })).toMatch(reason);
  });

  it("may have no PEFT method, and a row whose base is not listed, whatever is allowed", () => {
    const strict = { ...server, allow: { ...server.allow, losses: ["control"] } };
    const config = { ...CONFIG, peft: "none", losses: ["control"] };
    const { plan } = resolveRequest(
      { version: 1, config },
      { server: strict, registry, baseDir: "/srv", experiment: "e" },
    );
    expect(new Set(plan.cells.map(({ loss }) => loss.name))).toEqual(new Set(["la", "control"]));
  });

  it("may have a named set of templates where that many are taken", () => {
    expect(resolved({ prompt: "ensemble" }).config.prompts).toHaveLength(80);
    const strict = { ...server, limits: { ...server.limits, templates: 79 } };
    const resolving = { server: strict, registry, baseDir: "/srv", experiment: "e" };
    const request = { version: 1, config: { ...CONFIG, prompt: "ensemble" } } as const;
    expect(() => resolveRequest(request, resolving)).toThrow(
      "/prompt: 80 templates: this server takes at most 79",
    );
  });

  it("throws nothing but errors for users, whatever it holds", () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.constantFrom(...Object.keys(CONFIG), "train", "head"), fc.jsonValue()),
        (own) => {
          try {
            resolved(own as Readonly<Record<string, unknown>>);
          } catch (error) {
            expect(describeError(error)).toMatch(/^\//);
          }
        },
      ),
      { numRuns: 200 },
    );
  });
});

describe("the server's file", () => {
  const check = (text: string) => () =>
    validateServeConfig(parseConfigDocument(text, "serve.yaml"), registry);
  it("has its defaults filled in", () => {
    expect(server).toMatchObject({ interval: 3, limits: { queue: 20, trainings: 6 }, presets: {} });
  });
  it.each([
    ["", /must be a mapping/],
    ["experiments: [e]", /the property "datasets" is missing/],
    [`${FILE}port: 80`, /serve\.yaml:\d+:1: \/port: unknown property "port"/],
    [FILE.replace("root: ./secret/images", "rot: x"), /\/datasets\/pictures.*"(rot|root)"/],
    [FILE.replace("use: clip", "use: clop"), /\/backbones\/small\/use: there is no backbone "clop"/],
    [`${FILE}presets: { p: { experiment: mine } }`, /\/presets\/p\/experiment: "experiment" is not for/],
    [`${FILE}presets: { p: { dataset: /etc } }`, /\/presets\/p\/dataset: .*path/],
    [
      `${FILE}presets: { p: { losses: [zz] } }`,
      /^serve\.yaml:8:\d+: \/presets\/p\/losses\/0: there is no loss "zz"/,
    ],
    [
      `${FILE}presets: { p: { losses: [focal] } }`,
      /^serve\.yaml:8:\d+: \/presets\/p\/losses\/0: "focal" is not allowed/,
    ],
    [
      `${FILE}presets: { p: { dataset: pigtures } }`,
      /^serve\.yaml:8:26: \/presets\/p\/dataset: this server offers no dataset/,
    ],
    [
      `${FILE}presets: { p: { train: { epohcs: 3 } } }`,
      /^serve\.yaml:8:26: \/presets\/p\/train\/epohcs: unknown/,
    ],
    [`${FILE}presets: { p: { seeds: [${[...Array(99).keys()]}] } }`, /\/presets\/p\/losses: 99 rows/],
    [
      `${FILE}presets:\n  a: { name: "a\\0" }\n  b: { peft: full }`,
      /^serve\.yaml:9:14: \/presets\/a\/name: has char.*\nserve\.yaml:10:14: \/presets\/b\/peft: "full" is not allowed/,
    ],
    // A whole one also has a plan.
    [
      `${FILE}presets: { p: { dataset: pictures, backbones: [small], peft: none, losses: [ce, control], seeds: [0, 1000003] } }`,
      /^serve\.yaml:8:\d+: \/presets\/p\/losses\/1: would combine the run of seed 1000003/,
    ],
    [FILE.replace("[lora, ssf]", "[lara]"), /\/allow\/pefts\/0: there is no peft "lara"/],
  ])("is refused where it is wrong (%#)", (text, reason) => {
    expect(check(text)).toThrow(reason);
  });
  it("may have presets that the form is to complete", () => {
    const presets =
      "presets: { short: { train: { epochs: 1 } }, two: { backbones: [small, other] }, none: {} }";
    expect(Object.keys(check(`${FILE}${presets}`)().presets)).toEqual(["short", "two", "none"]);
    const strict = FILE.replace("[ce, la, control]", "[backdoor-strata]").replace(
      "trainings: 6",
      "batchSize: 16",
    );
    expect(check(`${strict}${presets}`)).not.toThrow();
  });
  it("has a published schema that takes it", () => {
    const { $id: _id, $schema: _schema, ...schema } = publishedServeSchema(registry);
    const validate = createAjv({ fillDefaults: false }).compile(schema);
    const data = parseConfigDocument(FILE, "serve.yaml").data;
    expect([validate(data), validate.errors]).toEqual([true, null]);
    expect(validate({ ...(data as object), datasets: { a: { use: "image-folder", rot: 1 } } })).toBe(false);
  });
});

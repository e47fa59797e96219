import { envelope, textTags } from "./request.mts";

/** What must never be reached. */
export interface Canary {
  /** A folder that is a data set and a model. */
  readonly folder: string;
  /** A module that writes a file when it is imported. */
  readonly plugin: string;
  /** Address of an HTTP server. */
  readonly url: string;
}

/** One request, or one launch by the launchpad's tag. */
export interface Hostile {
  readonly kind: string;
  /** Tags of a run. */
  readonly tags?: Readonly<Record<string, string>>;
  /** Value of `dualtail.launch`. */
  readonly launch?: string;
  /** The answer. */
  readonly says: RegExp;
}

export const HARMLESS = {
  dataset: "stripes",
  backbones: ["small"],
  peft: "none",
  losses: ["ce"],
  train: { epochs: 1, batchSize: 8 },
};

const BIDI = "\u202e\u2066gnp.exe\u2069";

/** Every kind of request that means harm, each with what it must be told. */
export function hostileRequests({ folder, plugin, url }: Canary): Hostile[] {
  const text = (kind: string, json: string, says: RegExp): Hostile => ({
    kind,
    says,
    tags: { ...envelope("someone"), ...textTags(json) },
  });
  const config = (kind: string, change: object, says: RegExp) =>
    text(kind, JSON.stringify({ version: 1, config: { ...HARMLESS, ...change } }), says);
  const raw = (kind: string, change: string, says: RegExp) =>
    text(kind, `{"version":1,"config":{${JSON.stringify(HARMLESS).slice(1, -1)},${change}}}`, says);
  const tags = (kind: string, own: Readonly<Record<string, string>>, says: RegExp): Hostile => ({
    kind,
    says,
    tags: { ...envelope("someone"), ...own },
  });
  const launch = (kind: string, value: string, says: RegExp): Hostile => ({ kind, says, launch: value });

  const address = /looks like a path or an address/;
  const offered = /offers no (dataset|backbone)/;
  const unprintable = /has characters that cannot be printed/;
  const many = Object.fromEntries(
    Array.from({ length: 1250 }, (_, i) => [`dualtail.request.${i}`, "x".repeat(4000)]),
  );
  const long = JSON.stringify({ version: 1, config: { ...HARMLESS, prompt: "a {}".repeat(3000) } });
  const [first, second, third] = Object.values(textTags(long)) as [string, string, string];
  const nested = (levels: number) => `${"[".repeat(levels)}${"]".repeat(levels)}`;
  const bomb = [
    "a0: &a0 [x, x, x, x, x, x, x, x, x]",
    ...Array.from({ length: 9 }, (_, i) => `a${i + 1}: &a${i + 1} [${`*a${i}, `.repeat(9)}x]`),
    "dataset: *a9",
  ].join("\n");

  return [
    config("data set `../../etc/passwd`", { dataset: "../../etc/passwd" }, address),
    config("data set with an absolute path", { dataset: folder }, address),
    config("data set `file://…`", { dataset: `file://${folder}` }, address),
    config("data set `\\\\host\\share`", { dataset: "\\\\127.0.0.1\\share" }, address),
    config("data set `~`", { dataset: "~root" }, address),
    config("data set `http://…`", { dataset: url }, address),
    config(
      "data set by a plugin's name and its root",
      { dataset: { use: "image-folder", root: folder } },
      address,
    ),
    config(
      "data set that is offered, with an option",
      { dataset: { use: "stripes", brokenFile: "canary" } },
      /are the server's/,
    ),
    config("data set `constructor`", { dataset: "constructor" }, offered),
    config("data set `__proto__`", { dataset: "__proto__" }, offered),
    config("data set with NUL", { dataset: "stripes\0/etc/passwd" }, unprintable),
    config("backbone `../../etc/passwd`", { backbones: ["../../etc/passwd"] }, address),
    config("backbone with a folder", { backbones: [{ use: "small", folder }] }, address),
    config("backbone `http://…`", { backbones: [url] }, address),
    config("backbone with bidi controls", { backbones: [`small${BIDI}`] }, offered),
    config("plugin: a file", { plugins: [plugin] }, /"plugins" is not for a request/),
    config("plugin: a package", { plugins: ["left-pad"] }, /"plugins" is not for a request/),
    config("plugin: an address", { plugins: [`${url}/p.mjs`] }, /"plugins" is not for a request/),
    config("loss by a file's name", { losses: [plugin] }, address),
    config("PEFT by a package's name", { peft: { use: "npm:left-pad" } }, address),
    config("output folder", { output: folder }, /"output" is not for a request/),
    config("experiment", { experiment: "another" }, /"experiment" is not for a request/),
    config("threads", { threads: 100_000 }, /"threads" is not for a request/),
    raw("`__proto__` in the config", `"__proto__":{"plugins":["${plugin}"]}`, /"__proto__" is not/),
    raw("`constructor` in the config", `"constructor":{"prototype":{}}`, /"constructor" is not/),
    raw(
      "`__proto__` in `train`",
      `"train":{"__proto__":{"epochs":1}}`,
      /\/train.*(__proto__|unknown property|missing)/,
    ),
    raw("`__proto__` in a choice", `"losses":[{"use":"la","__proto__":{"tau":9}}]`, /__proto__|unknown/),
    config("an unknown key", { command: "rm -rf" }, /"command" is not for a request/),
    config("an unknown key further down", { train: { epochs: 1, command: "rm" } }, /\/train\/command/),
    config("wrong type: backbones a number", { backbones: 7 }, /\/backbones/),
    config("wrong type: losses an object", { losses: { length: 1e9 } }, /\/losses/),
    config("wrong type: name a list", { name: [["x"]] }, /\/name/),
    config("wrong type: dataset null", { dataset: null }, /\/dataset/),
    raw("number `1e999`", `"train":{"epochs":1e999}`, /\/train\/epochs/),
    raw("number `NaN`", `"train":{"epochs":NaN}`, /not JSON/),
    config("epochs 10⁹", { train: { epochs: 1e9 } }, /\/train\/epochs: .*at most/),
    config("batch of 0", { train: { epochs: 1, batchSize: 0 } }, /\/train\/batchSize/),
    config("batch of 10⁹", { train: { epochs: 1, batchSize: 1e9 } }, /\/train\/batchSize: .*at most/),
    config(
      "batch of 10⁹ in parts of 3",
      { train: { epochs: 1, batchSize: 1e9, microBatchSize: 3 } },
      /\/train\/batchSize: .*at most/,
    ),
    config("evaluation batch of 10⁹", { evaluation: { batchSize: 1e9 } }, /\/evaluation\/batchSize/),
    config("10⁹ seeds by a number", { seeds: 1e9 }, /\/seeds/),
    config(
      "5,000 seeds",
      { seeds: Array.from({ length: 5000 }, (_, i) => i) },
      /rows \(losses × backbones × seeds\)/,
    ),
    config("15,000 losses that are numbers", { losses: new Array(15_000).fill(1) }, /\/losses: 15000 rows/),
    config(
      "15,000 methods that are numbers",
      { peft: new Array(15_000).fill(1) },
      /\/peft: 15000 PEFT methods/,
    ),
    config(
      "15,000 backbones that are numbers",
      { backbones: new Array(15_000).fill(1) },
      /\/losses: 15000 rows/,
    ),
    config(
      "450 losses that differ inside an option",
      {
        losses: Array.from({ length: 450 }, (_, i) => ({
          use: "backdoor-strata",
          strata: { use: "k-means", clusters: i + 2 },
        })),
        seeds: [0, 1, 2],
      },
      /\/losses: 1350 rows/,
    ),
    config("3,000 templates", { prompt: new Array(3000).fill("a {}") }, /\/prompt: 3000 templates/),
    config("a name of 30,000 letters for a loss", { losses: ["x".repeat(30_000)] }, /there is no loss "x+/),
    config("10⁹ trainings of one loss", { losses: [{ use: "control", runs: 1e9 }] }, /\/losses/),
    config("seed 10³⁰⁸", { seeds: [1e308] }, /\/seeds/),
    config("seed −1", { seeds: [-1] }, /\/seeds/),
    raw("10,000 levels in a foreign key", `"deep":${nested(10_000)}`, /"deep" is not/),
    raw("10,000 levels in `prompt`", `"prompt":${nested(10_000)}`, /nested too deeply/),
    raw("10,000 levels in `name`", `"name":${nested(10_000)}`, /nested too deeply/),
    raw("10,000 levels in `losses`", `"losses":${nested(10_000)}`, /nested too deeply/),
    raw("10,000 levels in a label", `"losses":[{"use":"ce","label":${nested(10_000)}}]`, /nested too deeply/),
    raw(
      "10,000 levels in the envelope",
      `"name":"x"},"rerun":{"a":${nested(10_000)}`,
      /the request: \/rerun/,
    ),
    tags("5 MB in 1,250 pieces", many, /more than \d+ characters/),
    tags("a piece is missing", { "dualtail.request.0": first, "dualtail.request.2": third }, /not JSON/),
    tags(
      "pieces in another order",
      { "dualtail.request.0": second, "dualtail.request.1": first, "dualtail.request.2": third },
      /not JSON/,
    ),
    tags("no piece at all", {}, /no tag dualtail\.request/),
    tags("not JSON", { "dualtail.request": "{ epochs: 1 }" }, /not JSON/),
    tags("not an object", { "dualtail.request": "[]" }, /must be a mapping/),
    tags(
      "an id that is a path",
      { ...textTags(JSON.stringify({ version: 1, config: HARMLESS })), "dualtail.run_id": "../../x" },
      /must be 32 hex digits/,
    ),
    config("terminal's commands in the name", { name: "\u001b]0;x\u0007\u001b[2J" }, unprintable),
    config("NUL in the name", { name: "a\0b" }, unprintable),
    config("line break in a label", { losses: [{ use: "ce", label: "a\nrefused: b" }] }, unprintable),
    config("unpaired surrogate in the name", { name: "a\ud800b" }, unprintable),
    config("unpaired surrogate in a template", { prompt: ["a {}", "\udc00 {}"] }, unprintable),
    config("script where there is no prose", { head: "<script>alert(1)</script>" }, /\/head/),
    launch(
      "launch: `!!js/function`",
      'dataset: !!js/function "function () { process.exit() }"',
      /not launched/,
    ),
    launch("launch: `!!python/object`", "dataset: !!python/object/apply:os.system [id]", /not launched/),
    launch("launch: a billion laughs", bomb, /not launched/),
    launch("launch: `<<: *anchor` of itself", "a: &a { <<: *a }\ndataset: stripes", /not launched/),
    launch("launch: 3,500 levels", `dataset: ${nested(3500)}`, /not launched/),
    launch("launch: two documents", "dataset: stripes\n---\nplugins: [x]", /not launched/),
    launch("launch: a path", folder, /not launched: there is no preset/),
    launch("launch: `__proto__`", "__proto__", /not launched: there is no preset/),
    launch("launch: plugins", `dataset: stripes\nplugins: ["${plugin}"]`, /not launched: .*"plugins" is not/),
    launch("launch: script", "<script>alert(1)</script>", /not launched: there is no preset/),
    launch("launch: NUL and bidi", `quick\u0007${BIDI}`, /not launched/),
  ];
}

/** Script in every text that a request may set; nothing of it is more than text. */
export const SCRIPT = `<img src=x onerror="alert(1)"><script>alert(1)</script>`;
export const scripted = (): Readonly<Record<string, string>> => ({
  ...envelope(SCRIPT),
  ...textTags(
    JSON.stringify({
      version: 1,
      config: {
        ...HARMLESS,
        name: SCRIPT,
        dataset: { use: "stripes", label: SCRIPT },
        backbones: [{ use: "small", label: SCRIPT }],
        losses: [{ use: "ce", label: SCRIPT }],
        prompt: [`${SCRIPT} {}`],
      },
    }),
  ),
});

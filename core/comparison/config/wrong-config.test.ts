import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { TempFolder } from "../../../test/support/plugin-folder.ts";
import { MINIMAL, toyRegistry } from "../../../test/support/toy-config.ts";
import type { PluginRegistry } from "../../container/index.ts";
import { DualtailError } from "../../errors.ts";
import { ConfigErrors, loadConfig, parseConfigDocument, validateConfig } from "./index.ts";

let folder: TempFolder;
let registry: PluginRegistry;

beforeAll(async () => {
  ({ folder, registry } = await toyRegistry());
});
afterAll(() => folder.remove());

/** The error lines of a config. */
function linesOf(text: string): string[] {
  try {
    validateConfig(parseConfigDocument(text, "c.yaml"), registry);
  } catch (error) {
    if (error instanceof ConfigErrors) return error.errors.map(({ oneLine }) => oneLine);
    if (error instanceof DualtailError) return [error.oneLine];
    throw error;
  }
  return [];
}

describe("a wrong config", () => {
  const wrong = (extra: string) => MINIMAL + extra;
  const instead = (line: string) => MINIMAL.replace(new RegExp(`^${/^\w+/.exec(line)![0]}:.*$`, "m"), line);

  it.each<[string, string, ...RegExp[]]>([
    ["nothing", "", /^c\.yaml:1:1: \/: the config is empty/],
    ["a list", "- 1", /^c\.yaml:1:1: \/: a config must be a mapping/],
    ["broken YAML", "a: [1", /^c\.yaml:1:\d+: \/: not valid YAML/],
    ["a key twice", wrong("losses: [la]"), /^c\.yaml:6:1: \/: not valid YAML.*unique/],
    ["an unknown tag", wrong("name: !date 2020"), /^c\.yaml:6:\d+: \/: not valid YAML/],
    ["an alias to nothing", wrong("name: *nobody"), /^c\.yaml:\d+:\d+: \/: not valid YAML/],
    [
      "a missing property",
      MINIMAL.replace(/losses.*\n/, ""),
      /^c\.yaml:1:1: \/: the property "losses" is missing — add/,
    ],
    [
      "an unknown property",
      wrong("seed: [1]"),
      /^c\.yaml:6:1: \/seed: unknown property "seed" — did you mean "seeds"\?/,
    ],
    [
      "one further in",
      wrong("train:\n  epochs: 1\n  batch_size: 2"),
      /^c\.yaml:8:3: \/train\/batch_size: .*did you mean "batchSize"\?/,
    ],
    [
      "text for a number",
      wrong("train: { epochs: ten }"),
      /^c\.yaml:6:18: \/train\/epochs: must be a whole number, but is "ten"/,
    ],
    ["a fraction of an epoch", wrong("train: { epochs: 1.5 }"), /must be a whole number, but is 1\.5/],
    ["no epochs", wrong("train: { epochs: 0 }"), /\/train\/epochs: must be at least 1, but is 0/],
    ["not a number", wrong("head: { scale: .nan }"), /\/head\/scale: must be a number, but is NaN/],
    ["an infinite one", wrong("head: { scale: .inf }"), /\/head\/scale: must be a number, but is Infinity/],
    ["an empty value", wrong("train:"), /^c\.yaml:6:7: \/train: must be a mapping, but is null \(empty\)/],
    [
      "an unknown device",
      wrong("device: gpu"),
      /^c\.yaml:6:9: \/device: "gpu" is not one of the allowed values — .*cpu, cuda, webgpu/,
    ],
    [
      "an unknown loss",
      instead("losses: [ce, gla_trian]"),
      /^c\.yaml:5:14: \/losses\/1: there is no loss "gla_trian" — did you mean "gla-train"\?/,
    ],
    [
      "one under use",
      instead("losses: [{ use: focus }]"),
      /^c\.yaml:5:17: \/losses\/0\/use: there is no loss "focus" — there are: .*ce/,
    ],
    ["no losses", instead("losses: []"), /^c\.yaml:5:9: \/losses: needs at least 1 entry, but has 0/],
    [
      "a loss that is a number",
      instead("losses: [3]"),
      /\/losses\/0: must be a string or a mapping, but is 3/,
    ],
    [
      "a choice without use",
      instead("losses: [{ tau: 3 }]"),
      /\/losses\/0: the property "use" is missing — add "use": Name of the loss/,
    ],
    [
      "a loss twice",
      instead("losses: [la, ce, { use: la, tau: 1 }]"),
      /^c\.yaml:5:18: \/losses\/2: is the same as entry 0/,
    ],
    [
      "an unknown option",
      instead("losses: [{ use: la, tua: 3 }]"),
      /^c\.yaml:5:21: \/losses\/0\/tua: .*did you mean "tau"\?/,
    ],
    [
      "a wrong option",
      instead("dataset: { use: toy-data, ratio: 0 }"),
      /^c\.yaml:2:34: \/dataset\/ratio: must be greater than 0, but is 0/,
    ],
    [
      "a missing option",
      instead("backbones: [toy-b]"),
      /^c\.yaml:3:13: \/backbones\/0: the property "folder" is missing — add "folder": where the checkpoint is/,
    ],
    [
      "options for none",
      instead("peft: { use: none, rank: 2 }"),
      /^c\.yaml:4:20: \/peft\/rank: "none" has no options/,
    ],
    [
      "none in a list of methods",
      instead("peft: [lora, none]"),
      /^c\.yaml:4:14: \/peft\/1: there is no PEFT method "none" — /,
    ],
    [
      "a method twice",
      instead("peft: [lora, { use: lora, rank: 2 }]"),
      /^c\.yaml:4:14: \/peft\/1: is the same method as entry 0 \("lora"\)/,
    ],
    [
      "a method's wrong option, in a list",
      instead("peft: [{ use: lora, rnak: 2 }]"),
      /^c\.yaml:4:21: \/peft\/0\/rnak: .*did you mean "rank"\?/,
    ],
    [
      "a method that is a number",
      instead("peft: 3"),
      /\/peft: must be a string or a mapping or a list, but is 3/,
    ],
    ["an empty list of methods", instead("peft: []"), /\/peft: needs at least 1 entry, but has 0/],
    [
      "an unknown head",
      wrong("head: { type: cosin }"),
      /\/head\/type: "cosin" is not one of the allowed values — did you mean "cosine"\?/,
    ],
    ["n-shot without shots", wrong("head: { init: n-shot }"), /\/head\/init: n-shot needs .* — add "shots"/],
    [
      "shots without n-shot",
      wrong("head: { shots: 3 }"),
      /^c\.yaml:6:9: \/head\/shots: is for "init: n-shot", but init is "text" — remove it/,
    ],
    ["no image workers", wrong("images: { workers: 0 }"), /\/images\/workers: must be at least 1, but is 0/],
    [
      "half an image worker",
      wrong("images: { workers: 1.5 }"),
      /\/images\/workers: must be a whole number, but is 1\.5/,
    ],
    ["an unknown prompt set", wrong("prompt: ensembel"), /\/prompt: .*or name a set: .*ensemble/],
    [
      "an unknown ensemble",
      wrong("evaluation: { tte: fivecrop }"),
      /\/evaluation\/tte: "fivecrop" is not one/,
    ],
    [
      "an unknown optimizer",
      wrong("train: { optimizer: adam }"),
      /\/train\/optimizer: there is no optimizer "adam" — did you mean "adamw"\?/,
    ],
    [
      "another's option",
      wrong("train: { optimizer: { use: adamw, momentum: 0.9 } }"),
      /\/train\/optimizer\/momentum: unknown property/,
    ],
    [
      "a prompt without place",
      wrong("prompt: a photo"),
      /\/prompt: "a photo" does not match .* — Write \{\} where/,
    ],
    ["a seed twice", wrong("seeds: [1, 2, 1]"), /\/seeds: entries 0 and 2 are the same \(1\)/],
    ["a huge seed", wrong("seeds: [99999999999]"), /\/seeds\/0: must be at most 4294967295/],
    [
      "a micro-batch that does not divide",
      wrong("train: { batchSize: 128, microBatchSize: 30 }"),
      /\/train\/microBatchSize: 30 does not divide the batch size 128 — use 32/,
    ],
    [
      "one between two that do",
      wrong("train: { batchSize: 12, microBatchSize: 5 }"),
      /batch size 12 — use 4$/,
    ],
    ["one of a prime", wrong("train: { batchSize: 7, microBatchSize: 5 }"), /batch size 7 — use 7$/],
    [
      "one of a batch of no size that exists",
      wrong("train: { batchSize: 1000000000, microBatchSize: 3 }"),
      /3 does not divide the batch size 1000000000 — use 2$/,
    ],
    [
      "one of a batch of no number that counts",
      wrong("train: { batchSize: 1.0e+300, microBatchSize: 7 }"),
      /7 does not divide the batch size 1e\+300 — use \d+$/,
    ],
    [
      "what a terminal would obey in a name",
      wrong('name: "a\\e[2Jb"'),
      /^c\.yaml:6:7: \/name: has characters that cannot be printed/,
    ],
    [
      "a line break in the experiment's",
      instead('experiment: "a\\nb"'),
      /^c\.yaml:1:13: \/experiment: has char/,
    ],
    [
      "half a character in labels",
      instead('losses: [ce, { use: la, label: "\\ud83d" }]').replace(
        "[toy-a]",
        '[{ use: toy-a, label: "\\0" }]',
      ),
      /^c\.yaml:3:\d+: \/backbones\/0\/label: has characters/,
      /^c\.yaml:5:\d+: \/losses\/1\/label: has characters .* — remove them/,
    ],
    [
      "crossed thresholds",
      wrong("evaluation: { thresholds: { many: 10 } }"),
      /\/evaluation\/thresholds\/few: is 20, more than "many" \(10\)/,
    ],
    [
      "a range the wrong way round",
      wrong("train: { augment: { scale: [1, 0.5] } }"),
      /\/train\/augment\/scale: goes from 1 to 0\.5/,
    ],
    [
      "a range of three",
      wrong("train: { augment: { scale: [0.1, 0.5, 1] } }"),
      /takes at most 2 entries, but has 3/,
    ],
    [
      "several things, each told once and in order",
      wrong("device: gpu\ntrain: { epochs: ten }\nnope: 1"),
      /^c\.yaml:6:9: \/device/,
      /^c\.yaml:7:18: \/train\/epochs/,
      /^c\.yaml:8:1: \/nope/,
    ],
  ])("%s", (_what, text, ...expected) => {
    const lines = linesOf(text);
    expect(lines).toHaveLength(expected.length);
    for (const [index, line] of lines.entries()) {
      expect(line).toMatch(expected[index]!);
      expect(line).not.toContain("\n");
    }
  });

  it("points through an alias at the place that is wrong", () => {
    const lines = linesOf(instead("losses: [&l { use: la, tau: x }, *l]"));
    expect(lines).toEqual([
      'c.yaml:5:29: /losses/0/tau: must be a number, but is "x"',
      'c.yaml:5:29: /losses/1/tau: must be a number, but is "x"',
    ]);
  });

  it("says that a file cannot be read", async () => {
    await expect(loadConfig(`${folder.path}/nowhere.yaml`, registry)).rejects.toThrow(
      /nowhere\.yaml: there is no such file/,
    );
    await expect(loadConfig(folder.path, registry)).rejects.toThrow(/is a folder/);
  });
});

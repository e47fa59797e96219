import { PassThrough } from "node:stream";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { dualtail, type Finished } from "../../test/support/cli.ts";
import { type TempFolder, TOY_PLUGINS, tempFolder } from "../../test/support/plugin-folder.ts";
import { run } from "./run.ts";

const GOOD = `
experiment: toy
dataset: toy-data
backbones: [toy-a, { use: toy-b, folder: b }]
peft: none
losses: [ce, { use: toy-post, space: logit }]
plugins: [./toy.mjs]
`.trimStart();

let folder: TempFolder;
beforeAll(async () => {
  folder = await tempFolder();
  await folder.write("toy.mjs", TOY_PLUGINS);
  await folder.write("good.yaml", GOOD);
});
afterAll(() => folder.remove());

/** In a process of its own: what a user gets. */
const start = (...args: string[]) => dualtail(args, folder.path);

/** In this process, which is much faster: for the many ways to be wrong. */
async function call(...args: string[]): Promise<Finished> {
  const written = { stdout: "", stderr: "" };
  const stream = (name: keyof typeof written) =>
    new PassThrough().on("data", (chunk: Buffer) => {
      written[name] += chunk.toString();
    }) as unknown as NodeJS.WriteStream;
  const streams = { stdout: stream("stdout"), stderr: stream("stderr") };
  const code = await run(args, { env: {}, cwd: folder.path, ...streams });
  return { code, ...written, errors: written.stderr.split("\n").filter(Boolean) };
}

describe("dualtail list", () => {
  it("shows kinds, names, summaries and schemas as JSON, with the plugins of a file", async () => {
    const { code, stdout, stderr } = await start("list", "--json", "--plugin", "./toy.mjs");
    expect([code, stderr]).toEqual([0, ""]);
    const listed = JSON.parse(stdout) as Record<string, { name: string; summary: string; options: object }[]>;
    expect(Object.keys(listed)).toEqual(["datasets", "backbones", "peft", "losses", "strata"]);
    const la = listed.losses!.find(({ name }) => name === "la");
    expect(la).toMatchObject({
      kind: "loss",
      from: "plugins/losses/la",
      options: { properties: { tau: { default: 1 } } },
    });
    expect(listed.backbones).toContainEqual(expect.objectContaining({ name: "toy-a", from: "./toy.mjs" }));
  });

  it("shows them as text", async () => {
    const { code, stdout } = await call("list");
    expect(code).toBe(0);
    expect(stdout).toMatch(/^losses\n(.*\n)* {2}ce {2,}Cross-entropy/m);
    expect(stdout).not.toContain("\u001b");
  });
});

describe("dualtail compare --dry-run", () => {
  it("shows the plan and writes nothing", async () => {
    const { code, stdout, stderr } = await call("compare", "good.yaml", "--dry-run", "--device", "webgpu");
    expect([code, stderr]).toEqual([0, ""]);
    expect(stdout).toContain("device webgpu");
    expect(stdout).toContain("5 cells: 4 to train, 1 to combine from trained ones (2 implied by others)");
  });

  it("gives it as JSON, with the overrides of the command line", async () => {
    const { code, stdout } = await start(
      "compare",
      "good.yaml",
      "--dry-run",
      "--json",
      "--threads",
      "2",
      "--output",
      "x",
    );
    expect(code).toBe(0);
    const { cells, config } = JSON.parse(stdout) as { cells: { kind: string }[]; config: object };
    expect(cells.map(({ kind }) => kind)).toEqual(["single", "single", "single", "single", "post-hoc"]);
    expect(config).toMatchObject({ threads: 2, output: "x", device: "cpu" });
  });
});

describe("what is wrong is told on one line, with exit code 2", () => {
  it.each<[string, string, RegExp]>([
    [
      "an unknown property",
      `${GOOD}seed: [1]\n`,
      /^error: .*c\d+\.yaml:7:1: \/seed: unknown property "seed" — did you mean "seeds"\?/,
    ],
    [
      "an unknown loss",
      GOOD.replace("[ce,", "[cee,"),
      /:5:10: \/losses\/0: there is no loss "cee" — did you mean "ce"\?/,
    ],
    [
      "a wrong option",
      GOOD.replace("space: logit", "space: sphere"),
      /\/losses\/1\/space: "sphere" is not one of the allowed values/,
    ],
    [
      "a base that does not exist",
      GOOD.replace("space: logit", "base: nope"),
      /:5:14: \/losses\/1: the base of "toy-post" is "nope"/,
    ],
    [
      "a plugin that is missing",
      GOOD.replace("./toy.mjs", "./nope.mjs"),
      /:6:11: \/plugins\/0: plugin \.\/nope\.mjs: there is no file/,
    ],
    [
      "a plugin package that is not installed",
      GOOD.replace("./toy.mjs", "dualtail-nope"),
      /\/plugins\/0: .*npm install dualtail-nope/,
    ],
    ["YAML that does not parse", "a: [1", /:1:\d+: \/: not valid YAML/],
  ])("%s", async (what, text, message) => {
    const file = `c${what.length}.yaml`;
    await folder.write(file, text);
    const { code, stdout, errors } = await call("compare", file, "--dry-run");
    expect(errors).toEqual([expect.stringMatching(message)]);
    expect([code, stdout]).toEqual([2, ""]);
  });

  it("several things, a line each", async () => {
    await folder.write("several.yaml", `${GOOD}seed: 1\ndevice: gpu\n`);
    const { code, errors } = await start("compare", "several.yaml");
    expect(errors).toEqual([
      expect.stringMatching(/several\.yaml:7:1: \/seed/),
      expect.stringMatching(/several\.yaml:8:9: \/device/),
    ]);
    expect(code).toBe(2);
  });

  it.each<[string, string[], RegExp]>([
    ["a file that is missing", ["compare", "nowhere.yaml"], /nowhere\.yaml: there is no such file/],
    [
      "a folder to resume that is missing",
      ["compare", "good.yaml", "--resume", "nowhere"],
      /--resume: there is no folder .*nowhere/,
    ],
    ["no file", ["compare"], /missing required argument 'config'/],
    ["an unknown command", ["comapre", "good.yaml"], /unknown command 'comapre'.*Did you mean compare/],
    ["an unknown option", ["compare", "good.yaml", "--dryrun"], /unknown option '--dryrun'.*--dry-run/],
    [
      "threads that are no number",
      ["compare", "good.yaml", "--threads", "many"],
      /--threads.*'many' is invalid.*whole number/,
    ],
    [
      "a device that does not exist",
      ["compare", "good.yaml", "--device", "tpu"],
      /--device.*'tpu' is invalid.*cpu, webgpu, cuda/,
    ],
    ["a folder to sync that is missing", ["sync", "nowhere"], /there is no folder .*nowhere/],
  ])("%s", async (_what, args, message) => {
    const { code, stdout, errors } = await call(...args);
    expect(errors).toEqual([expect.stringMatching(message)]);
    expect([code, stdout]).toEqual([2, ""]);
  });

  it("and a stack only when asked for", async () => {
    const { code, stderr } = await dualtail(["compare", "nowhere.yaml"], folder.path, {
      DUALTAIL_DEBUG: "1",
    });
    expect(code).toBe(2);
    expect(stderr).toMatch(/ {4}at .*document\.[jt]s/);
  });
});

it("shows what there is when given nothing, as a usage error", async () => {
  const { code, stderr } = await call();
  expect([code, stderr]).toEqual([2, expect.stringMatching(/^Usage: dualtail(.*\n)+ +compare/)]);
});

it("says its version and helps, with exit code 0", async () => {
  const [version, help] = await Promise.all([start("--version"), start("compare", "--help")]);
  expect([version.code, version.stdout]).toEqual([0, expect.stringMatching(/^\d+\.\d+\.\d+\n$/)]);
  expect([help.code, help.stderr]).toEqual([0, ""]);
  expect(help.stdout).toContain("--tracking-uri");
});

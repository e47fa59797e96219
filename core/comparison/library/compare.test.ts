import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { memoryTracking } from "../../../test/support/memory-tracker.ts";
import { makeTinyClip } from "../../../test/support/tiny-clip.ts";
import { plugin as toy } from "../../../test/support/toy-dataset.ts";
import type { PluginEntry } from "../../container/index.ts";
import { silentReporter } from "../../container/reporter.ts";
import { ConfigError } from "../../errors.ts";
import { locateModel, pluginsOf } from "../../exchange/index.ts";
import { defineLoss } from "../../plugin-api/index.ts";
import { readRunStates } from "../../tracking/index.ts";
import { ConfigErrors } from "../config/index.ts";
import { executeComparison } from "../execute.ts";
import { compare } from "./compare.ts";
import { createContainer, runScope } from "./container.ts";
import { openTracking } from "./open-tracking.ts";

const toyFile = fileURLToPath(new URL("../../../test/support/toy-dataset.ts", import.meta.url));

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "dualtail-embed-"));
  await makeTinyClip(join(dir, "one"), { channels: 1, seed: 1 });
});
afterAll(() => rm(dir, { recursive: true, force: true }));

const config = (changes: object = {}) => ({
  experiment: "toy",
  dataset: { use: "toy", head: 8 },
  backbones: [{ use: "clip", folder: "./one" }],
  peft: "none",
  losses: ["ce"],
  train: { epochs: 1, batchSize: 8 },
  threads: 1,
  ...changes,
});
const data = { plugin: toy, version: "1" };
const folders = () => ({ baseDir: dir, outputDir: join(dir, "runs"), cacheDir: dir });

/** Cross-entropy times 2, as a stand-in for the built-in one. */
const twice = defineLoss({
  name: "ce",
  summary: "Twice",
  options: { type: "object", properties: {}, additionalProperties: false },
  build: (g, { logits, labels }) => g.mul(2, g.crossEntropy(logits, labels)),
});

function listening() {
  const lines: string[] = [];
  const stage = (label: string) => {
    lines.push(label);
    return { advance() {}, done() {} };
  };
  const line = (text: string) => void lines.push(text);
  return { lines, reporter: { stage, line, warn: line } };
}

describe("compare", () => {
  it("runs two at once, each with its own tracker and reporter", async () => {
    const container = await createContainer({ plugins: [data], reporter: silentReporter });
    const run = async (name: string, losses: readonly string[]) => {
      const { tracking, runs, seen } = memoryTracking(name);
      const { lines, reporter } = listening();
      const scope = runScope(container, { tracking, reporter });
      const result = await compare(config({ experiment: name, losses }), { container: scope, ...folders() });
      expect(result.failed).toEqual([]);
      return { result, runs, seen, lines };
    };
    const [a, b] = await Promise.all([run("a", ["ce"]), run("b", ["la", "bs"])]);
    expect(a.result.rows.map(({ loss }) => loss)).toEqual(["zero-shot", "ce"]);
    expect(b.result.rows.map(({ loss }) => loss)).toEqual(["zero-shot", "la", "bs"]);
    const names = ({ runs }: typeof a) => runs.map(({ name }) => name.split(" ")[0]);
    expect(names(a)).toEqual(["a", "zero-shot", "ce"]);
    expect(names(b)).toEqual(["b", "zero-shot", "la", "bs"]);
    expect(a.lines.filter((line) => /^ce/.test(line)).length).toBeGreaterThan(0);
    expect(a.lines.filter((line) => /^(la|bs)/.test(line))).toEqual([]);
    expect(b.lines.filter((line) => /^ce/.test(line))).toEqual([]);
    expect(a.result.folder).not.toBe(b.result.folder);
    // A comparison closes its tracker; the tracking is the application's.
    expect(a.seen).toEqual({ experiments: ["a"], trackersClosed: 1, closed: false });
  });

  it("uses a finished cell again, but not one of a plugin that was replaced", async () => {
    const { tracking, runs } = memoryTracking();
    const reused = async (replace: Parameters<typeof createContainer>[0]) => {
      const container = await createContainer({ plugins: [data], tracking, ...replace });
      const { rows, failed } = await compare(config(), { container, ...folders() });
      expect(failed).toEqual([]);
      return rows.map((row) => row.reused !== undefined);
    };
    const versioned = (version: string) => ({ replace: [{ plugin: twice, version }] });
    expect(await reused({})).toEqual([false, false]);
    expect(await reused({})).toEqual([true, true]);
    expect(await reused({ replace: [twice] })).toEqual([true, false]);
    expect(await reused({ replace: [twice] })).toEqual([true, false]);
    expect(await reused(versioned("1"))).toEqual([true, false]);
    expect(await reused(versioned("1"))).toEqual([true, true]);
    const [builtIn, replaced] = runs.filter(({ name }) => name.startsWith("ce"));
    expect(replaced!.metrics["train/loss"]).not.toBeCloseTo(builtIn!.metrics["train/loss"]!, 3);
  });

  it("says in MLflow what of it stands in the place of something built in", async () => {
    const parent = async (losses: readonly string[], replace: readonly PluginEntry[]) => {
      const { tracking, runs } = memoryTracking();
      const container = await createContainer({ plugins: [data], replace, tracking });
      await compare(config({ losses }), { container, ...folders() });
      return runs[0]!.tags["dualtail.replaced"];
    };
    const other = { ...twice, name: "bs" };
    expect(await parent(["ce"], [twice, other])).toBe("loss/ce");
    expect(await parent(["ce", "bs"], [twice, other])).toBe("loss/bs, loss/ce");
    expect(await parent(["la"], [twice])).toBeUndefined();
  });

  it("fails one row for an error of a plugin with a dualtail of its own", async () => {
    vi.resetModules();
    const other = await import("../../errors.ts");
    const refusing = defineLoss({
      ...{ name: "refusing", summary: "Refuses", options: twice.options },
      build: () => {
        throw new other.DualtailError("not with this data", { hint: "take another loss" });
      },
    });
    const { tracking } = memoryTracking();
    // The executor of this copy: what is imported from now on is of the other.
    const container = await createContainer({
      plugins: [data, refusing],
      tracking,
      executor: executeComparison,
    });
    const { rows, failed } = await compare(config({ losses: ["refusing", "ce"] }), {
      container,
      ...folders(),
    });
    expect(failed).toEqual([
      { label: expect.stringMatching(/^refusing/), reason: "not with this data — take another loss" },
    ]);
    expect(rows.map(({ loss }) => loss)).toEqual(["zero-shot", "ce"]);
  });

  it("warns of a plan that is probably not meant", async () => {
    const { tracking } = memoryTracking();
    const { lines, reporter } = listening();
    const container = await createContainer({ plugins: [data], tracking, reporter });
    await compare(config({ losses: ["backdoor"] }), { container, ...folders() });
    expect(lines[0]).toMatch(/^backdoor.* combines backbones, and clip is the only one: nothing is combined/);
  });

  it("writes models that say which plugins no file holds, so that built-in ones do not take their place", async () => {
    const open = async (replace: readonly PluginEntry[]) => {
      const { tracking } = memoryTracking();
      const container = await createContainer({ plugins: [data], replace, tracking });
      const { folder } = await compare(config(), { container, ...folders() });
      const [cell] = await readdir(join(folder, "cells"));
      return pluginsOf(await locateModel(join(folder, "cells", cell!)));
    };
    // The data set is an object, too, but no part of a model.
    expect(await open([])).toEqual({ specifiers: [], baseDir: dir });
    await expect(open([twice])).rejects.toThrow(/plugins that an application holds: loss ce/);
    const file = join(dir, "twice.mjs");
    await writeFile(
      file,
      `export const plugin = { kind: "loss", name: "ce", summary: "Twice", options: { type: "object", properties: {},
        additionalProperties: false }, recipe: () => ({ mode: "single", needs: [],
        build: (g, { logits, labels }) => g.mul(2, g.crossEntropy(logits, labels)) }) };`,
    );
    expect(await open([file])).toEqual({ specifiers: [file], baseDir: dir });
  });

  it("leaves running it to the executor that is bound", async () => {
    const { tracking } = memoryTracking();
    const asked: string[] = [];
    const container = await createContainer({
      plugins: [data],
      tracking,
      executor: async (options) => {
        asked.push(...options.plan.cells.map(({ label }) => label));
        const result = await executeComparison({ ...options, rerun: true });
        return { ...result, tableText: "mine" };
      },
    });
    const { tableText } = await compare(config(), { container, ...folders() });
    expect(asked).toEqual([expect.stringMatching(/^ce/)]);
    expect(tableText).toBe("mine");
  });

  it("reads a file with the plugins that it names; without a server, runs are journals on disk", async () => {
    const file = join(dir, "c.json");
    const journals = join(dir, "journals");
    await writeFile(file, JSON.stringify(config({ plugins: [toyFile], losses: ["la"] })));
    const tracking = () => openTracking({ uri: "", journals });
    const { rows, failed } = await compare(file, {
      container: await createContainer({ tracking }),
      ...folders(),
    });
    expect(failed).toEqual([]);
    expect(rows.map(({ loss }) => loss)).toEqual(["zero-shot", "la"]);
    expect((await readRunStates(journals)).map(({ state }) => state)).toEqual(
      Array.from({ length: 3 }, () => "FINISHED"),
    );
  });

  it("stops when the signal says so, and says how to go on", async () => {
    const stop = new AbortController();
    const { tracking, runs } = memoryTracking();
    const stage = () => {
      stop.abort();
      return { advance() {}, done() {} };
    };
    const reporter = { ...silentReporter, stage };
    const container = await createContainer({ plugins: [data], tracking, reporter, signal: stop.signal });
    const stopped = await compare(config(), { container, ...folders() }).catch((error: unknown) => error);
    const hint = (stopped as { hint?: string }).hint;
    expect(runs[0]).toMatchObject({ status: "KILLED" });
    const resume = /--resume (\S+)/.exec(hint!)![1]!;
    const again = await createContainer({ plugins: [data], tracking });
    const { rows, folder } = await compare(config(), { container: again, ...folders(), resume });
    expect(folder).toBe(resume);
    expect(rows).toHaveLength(2);
    expect(runs[0]).toMatchObject({ status: "FINISHED" });
  });
});

describe("a config object", () => {
  const refused = async (changes: object) => {
    const container = await createContainer({ plugins: [data] });
    return compare(config(changes), { container, ...folders() }).then(
      () => expect.fail("it was accepted"),
      (error: unknown) => error,
    );
  };

  it.each([
    ["an unknown name", { losses: ["cee"] }, "/losses/0", /there is no loss "cee"/],
    ["a wrong option", { losses: [{ use: "la", tau: "1" }] }, "/losses/0/tau", /must be a number/],
    ["a function", { train: { epochs: () => 1 } }, "/train/epochs", /a function cannot stand in a config/],
    ["no number", { train: { epochs: Number.NaN } }, "/train/epochs", /NaN cannot stand/],
    ["an instance", { seeds: new Set([1]) }, "/seeds", /a Set cannot stand/],
    ["a plugin that is not there", { plugins: ["./gone.js"] }, "/plugins/0", /gone\.js: there is no file/],
  ])("is refused with the JSON path of %s", async (_what, changes, path, message) => {
    const error = (await refused(changes)) as ConfigError;
    expect(error).toBeInstanceOf(ConfigError);
    expect(error.path).toBe(path);
    expect(error.message).toMatch(message);
    expect(error.message.startsWith(`${path}: `)).toBe(true);
  });

  it("is refused with all that is wrong, and with a cycle", async () => {
    const both = (await refused({ losses: ["cee"], seeds: ["x"] })) as ConfigErrors;
    expect(both).toBeInstanceOf(ConfigErrors);
    expect(both.errors.map(({ path }) => path).sort()).toEqual(["/losses/0", "/seeds/0"]);
    const round: { dataset?: object } = {};
    round.dataset = round;
    expect(await refused(round)).toMatchObject({ path: "/dataset/dataset" });
  });
});

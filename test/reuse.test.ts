import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parseConfigDocument, validateConfig } from "../core/comparison/config/index.ts";
import { executeComparison } from "../core/comparison/execute.ts";
import { planComparison } from "../core/comparison/plan/index.ts";
import { createContainer, resolve } from "../core/container/index.ts";
import { silentReporter } from "../core/container/reporter.ts";
import { locateModel } from "../core/exchange/index.ts";
import type { MlflowClient } from "../core/mlflow-js-client/index.ts";
import { openMlflowTracker, type Tracker } from "../core/tracking/index.ts";
import { dualtail, toyPlugin as toy } from "./support/cli.ts";
import { mlflowClient, mlflowUri, SERVER_START, uniqueName } from "./support/mlflow-server.ts";
import { makeTinyClip } from "./support/tiny-clip.ts";

const experiment = uniqueName("reuse");
const COMBINED = "combined · clip + openclip · seed 0";
const POST_HOC = { use: "backdoor", mode: "post-hoc", label: "combined" };

let dir: string;
let client: MlflowClient;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "dualtail-reuse-"));
  await makeTinyClip(join(dir, "one"), { channels: 1, seed: 1 });
  await makeTinyClip(join(dir, "two"), { channels: 1, seed: 2 });
  client = await mlflowClient();
}, SERVER_START);
afterAll(() => rm(dir, { recursive: true, force: true }));

let comparisons = 0;
const configText = (losses: readonly unknown[]) =>
  JSON.stringify({
    experiment,
    // Run folders are named after it and the second.
    name: `reuse ${comparisons++}`,
    plugins: [toy],
    dataset: "toy",
    backbones: [
      { use: "clip", folder: "./one" },
      { use: "openclip", folder: "./two" },
    ],
    peft: { use: "adaptformer", bottleneck: 2 },
    losses,
    train: { epochs: 1, batchSize: 16 },
    threads: 1,
    output: "cli-runs",
  });

interface Changes {
  readonly output?: string;
  /** What stands between the comparison and the server. */
  readonly through?: (tracker: Tracker) => Tracker;
}

/** Runs a comparison in this process, tracked by the real server; the runs that it started, by name. */
async function compare(
  losses: readonly unknown[],
  { output = "runs", through = (same) => same }: Changes = {},
) {
  const text = configText(losses);
  const registry = resolve(await createContainer({ plugins: [toy], baseDir: dir }), "registry");
  const config = validateConfig(parseConfigDocument(text, "c.json", dir), registry);
  const lines: string[] = [];
  const result = await executeComparison({
    config,
    plan: planComparison(config, registry),
    registry,
    baseDir: dir,
    openTracker: async (name) => through(await openMlflowTracker({ client, experiment: name })),
    trackingDescription: "MLflow",
    reporter: { ...silentReporter, line: (line) => lines.push(line) },
    signal: new AbortController().signal,
    outputDir: join(dir, output),
    cacheDir: dir,
    configSource: text,
  });
  expect(result.failed).toEqual([]);
  const metrics = Object.fromEntries(result.rows.map(({ label, metrics: own }) => [label, own]));
  return { ...result, lines, metrics, ...(await startedBy(result.url!)) };
}

/** The parent run of that page, and the names of its nested runs. */
async function startedBy(url: string) {
  const parent = await client.runs.get(url.split("/").at(-1)!);
  const filter = `tags.\`mlflow.parentRunId\` = '${parent.info.runId}'`;
  const { items } = await client.runs.search({ experimentIds: [parent.info.experimentId], filter });
  return { parent, started: items.map(({ info }) => info.runName).sort() };
}

/** Earlier runs without artifacts, as on a server that keeps them where it cannot be read. */
const withoutArtifacts = (tracker: Tracker): Tracker => ({
  ...tracker,
  finishedRuns: async (tag) =>
    (await tracker.finishedRuns!(tag)).map((run) => ({ ...run, artifact: async () => undefined })),
});

describe("cells that an earlier comparison has finished", () => {
  let first: Awaited<ReturnType<typeof compare>>;
  beforeAll(async () => {
    first = await compare(["la"]);
  });

  it("are taken from MLflow, with the logits for what combines them; --rerun runs them again", async () => {
    expect(first.started.length).toBe(4);
    expect(first.parent.tags).not.toHaveProperty(["dualtail.reused"]);

    // Another output folder: logits and models can only come from the server.
    const second = await compare(["la", "focal", POST_HOC], { output: "elsewhere" });
    expect(second.started).toEqual([COMBINED, "focal · clip · seed 0", "focal · openclip · seed 0"]);
    expect(second.lines.join("\n")).toMatch(/^2 cells and 2 zero-shot rows reused from MLflow/m);
    for (const [label, metrics] of Object.entries(first.metrics)) {
      expect(second.metrics[label], label).toEqual(metrics);
    }
    expect(second.rows.filter(({ reused }) => reused).length).toBe(4);
    expect(second.parent.tags["dualtail.reused"]).toBe("4");
    const list = await client.artifacts.download(second.parent.info, "reused.json");
    const reused = JSON.parse(new TextDecoder().decode(list)) as { label: string; run: string }[];
    const la = reused.find(({ label }) => label === "la · clip · seed 0")!;
    expect((await client.runs.get(la.run)).tags["mlflow.parentRunId"]).toBe(first.parent.info.runId);
    expect(second.parent.tags["mlflow.note.content"]).toContain(la.run);
    const plot = await client.artifacts.download(second.parent.info, "plots/per-class-accuracy-clip.svg");
    expect(new TextDecoder().decode(plot)).toContain("la · clip · seed 0");
    const { cell } = second.rows.find(({ label }) => label === "la · clip · seed 0")!;
    const model = await locateModel(join(second.folder, "cells", `la_clip_s0_${cell}`));
    expect(model).toMatchObject({ paramsFile: expect.stringMatching(/adapters\.safetensors$/) });

    await writeFile(join(dir, "all.json"), configText(["la", POST_HOC]));
    const cli = await dualtail(["compare", "all.json", "--rerun", "--json"], dir, {
      MLFLOW_TRACKING_URI: await mlflowUri(),
    });
    expect(cli.code, cli.stderr).toBe(0);
    const rerun = JSON.parse(cli.stdout) as { url: string; rows: { label: string; metrics: object }[] };
    expect((await startedBy(rerun.url)).started.length).toBe(5);
    // The combination of logits that were fetched is that of logits that were computed.
    expect(second.metrics[COMBINED]).toEqual(rerun.rows.find(({ label }) => label === COMBINED)!.metrics);
  });

  it("are run again where their logits are needed and cannot be had; those on this disk are found", async () => {
    const losses = ["la", { ...POST_HOC, space: "logit" }];
    const gone = await compare(losses, { output: "there", through: withoutArtifacts });
    expect(gone.started).toEqual([COMBINED, "la · clip · seed 0", "la · openclip · seed 0"]);
    expect(gone.lines.join("\n")).toMatch(/la · clip · seed 0: run \w+ has finished but its test logits/);
    const found = await compare(["la", { use: "naive-ensemble" }], {
      output: "there",
      through: withoutArtifacts,
    });
    expect(found.started).toEqual(["naive-ensemble · clip · seed 0", "naive-ensemble · openclip · seed 0"]);
    const cells = await readdir(join(found.folder, "cells"));
    expect(cells.filter((cell) => cell.startsWith("la_")).length).toBe(2);
  });

  it("are run again when a checkpoint has changed where it lies, and only those that read it", async () => {
    await makeTinyClip(join(dir, "one"), { channels: 1, seed: 3 });
    const changed = await compare(["la"]);
    expect(changed.started).toEqual(["la · clip · seed 0", "zero-shot · clip"]);
    expect(changed.metrics["la · clip · seed 0"]).not.toEqual(first.metrics["la · clip · seed 0"]);
    expect(changed.metrics["la · openclip · seed 0"]).toEqual(first.metrics["la · openclip · seed 0"]);
  });
});

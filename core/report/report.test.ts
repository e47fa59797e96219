import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { mlflowClient, mlflowUri, SERVER_START, uniqueName } from "../../test/support/mlflow-server.ts";
import { type TempFolder, tempFolder } from "../../test/support/plugin-folder.ts";
import { run as runCli } from "../cli/run.ts";
import { perClassTable } from "../comparison/presentation/index.ts";
import { downstreamGroups, pretrainGroups } from "../evaluation/index.ts";
import type { MlflowClient } from "../mlflow-js-client/index.ts";
import { openMlflowTracker, type Tracker } from "../tracking/index.ts";
import { buildReport } from "./build.ts";
import { ReportError } from "./errors.ts";

const NASTY = "<script>alert('x')</script>";
const BACKBONES = ["clip", NASTY];
const CLASSES = ["c0", "c1", "c2", "c3", "c4", NASTY];
const PER_CLASS = 10;
const COUNTS = [200, 150, 60, 40, 10, 5];
const PRIOR = [0.3, 0.1, 0.25, 0.15, 0.12, 0.08];

interface Cell {
  readonly loss: string;
  readonly kind: string;
  readonly backbone: string;
  readonly seed?: number;
  /** Images of each class predicted correctly. */
  readonly right: number;
  readonly without?: string;
  readonly epochs?: number;
  readonly images?: string;
}

/** Logs a finished cell as the comparison does. */
async function logCell(tracker: Tracker, cell: Cell): Promise<string> {
  const { loss, kind, backbone, seed, right, without, epochs = 4, images = "image" } = cell;
  const seeded = seed === undefined ? "" : ` · seed ${seed}`;
  const run = await tracker.startRun({
    name: `${loss} · ${backbone.replace("+", " + ")}${seeded}`,
    tags: { "dualtail.cell": `${loss}/${backbone}/${seed}/${epochs}`, "dualtail.kind": kind },
  });
  const own = { loss, kind, backbone, ...(seed === undefined ? {} : { seed }) };
  await run.logParams({ dataset: "synthetic", "train.epochs": epochs, threads: 1, ...own });
  const point = (key: string, value: number) => ({ key, value, step: 0, timestamp: 1 });
  await run.logMetrics([point("test/knn", right / 20), point("test/ece", 0.05)]);
  const log = async (name: string, content: string) => {
    if (name !== without) await run.logArtifact(name, content);
  };
  const table = perClassTable({
    classNames: CLASSES,
    trainCounts: COUNTS,
    accuracy: CLASSES.map(() => right / PER_CLASS),
    prior: PRIOR,
    downstream: downstreamGroups(COUNTS),
    pretrain: pretrainGroups(PRIOR),
  });
  await log("per-class.json", table.json);
  // A seed moves which images are right, not how many.
  const lines = CLASSES.flatMap((name) =>
    Array.from({ length: PER_CLASS }, (_, i) => {
      const correct = (i + (seed ?? 0)) % PER_CLASS < right;
      return `"${images} ${i}, ""${name}""","${name}","c0",0.5,${Number(correct)}`;
    }),
  );
  await log("predictions.csv", `${["image,label,predicted,probability,correct", ...lines].join("\n")}\n`);
  if (kind === "zero-shot") {
    const classes = CLASSES.map((name, k) => ({ class: name, prior: PRIOR[k], recorded: 100 * PRIOR[k]! }));
    await log("pretrain-prior.json", JSON.stringify({ backbone, classes }));
  }
  await run.finish("FINISHED");
  return run.id;
}

const single = (loss: string, right: number): Cell[] =>
  BACKBONES.flatMap((backbone) => [0, 1].map((seed) => ({ loss, kind: "single", backbone, seed, right })));

let client: MlflowClient;
let folder: TempFolder;
const experiment = uniqueName("report");
let stale: string;
let broken: string;
beforeAll(async () => {
  client = await mlflowClient();
  folder = await tempFolder();
  const tracker = await openMlflowTracker({ client, experiment });
  await logCell(tracker, { loss: "la", kind: "single", backbone: "clip", seed: 5, right: 1, epochs: 1 });
  stale = await logCell(tracker, { loss: "la", kind: "single", backbone: "clip", seed: 0, right: 1 });
  const combined = BACKBONES.join("+");
  const cells: Cell[] = [
    ...BACKBONES.map((backbone): Cell => ({ loss: "zero-shot", kind: "zero-shot", backbone, right: 4 })),
    ...single("ce", 5),
    ...single("la", 6),
    ...single("control", 6).map((cell) => ({ ...cell, kind: "post-hoc" })),
    ...[0, 1].map(
      (seed): Cell => ({ loss: "backdoor", kind: "post-hoc", backbone: combined, seed, right: 9 }),
    ),
    { loss: "focal", kind: "single", backbone: "clip", seed: 0, right: 6, images: "another" },
  ];
  for (const cell of cells) await logCell(tracker, cell);
  broken = await logCell(tracker, {
    loss: "gla-train",
    kind: "single",
    backbone: "clip",
    seed: 0,
    right: 5,
    without: "predictions.csv",
  });
  // Neither finished nor of a cell: not read.
  await tracker.startRun({ name: "running", tags: { "dualtail.cell": "x", "dualtail.kind": "single" } });
  await (await tracker.startRun({ name: "parent", tags: { "dualtail.kind": "comparison" } })).finish(
    "FINISHED",
  );
  await tracker.close();
}, SERVER_START);
afterAll(() => folder.remove());

async function cli(...args: string[]) {
  const written = { stdout: "", stderr: "" };
  const stream = (name: keyof typeof written) =>
    new PassThrough().on("data", (chunk: Buffer) => {
      written[name] += chunk.toString();
    }) as unknown as NodeJS.WriteStream;
  const streams = { stdout: stream("stdout"), stderr: stream("stderr") };
  const code = await runCli(args, {
    env: { MLFLOW_TRACKING_URI: await mlflowUri() },
    cwd: folder.path,
    ...streams,
  });
  return { code, ...written };
}

describe("dualtail report", () => {
  it("writes the page and logs it to the experiment", async () => {
    const { code, stdout } = await cli("report", experiment, "--out", "out", "--quiet");
    expect(code).toBe(0);
    expect(stdout).toMatch(/backdoor .* beats the control: \+30\.0 points overall/);
    const html = await readFile(join(folder.path, "out/report.html"), "utf8");
    const markdown = await readFile(join(folder.path, "out/report.md"), "utf8");
    expect(html).not.toContain("<script");
    expect(html).toContain("&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;");
    expect(html).not.toMatch(/(src|href)="(?!#)/);
    expect(markdown).not.toContain("<script");
    for (const [, figure] of markdown.matchAll(/\]\((figures\/[^)]+)\)/g)) {
      expect(await readFile(join(folder.path, "out", figure!), "utf8")).toMatch(/^<svg/);
    }
    // The table of rows: 100 × right / 10, whatever the seed.
    expect(markdown).toMatch(/^\| la \| clip \| 2 \| 60\.0 \[/m);
    expect(markdown).toMatch(/^\| ce · clip \| la · clip \| \*\*−10\.0\*\* \[/m);

    const runId = /runs\/([0-9a-f]{32})/.exec(stdout)![1]!;
    const { info, tags } = await client.runs.get(runId);
    expect([info.status, tags["dualtail.kind"]]).toEqual(["FINISHED", "report"]);
    const logged = new TextDecoder().decode(await client.artifacts.download(info, "report/report.html"));
    expect(logged).toBe(html);
    expect((await client.artifacts.list(runId, "report")).map(({ path }) => path)).toContain(
      "report/report.md",
    );
  }, 30_000);

  it("gives the same text again, logs nothing with --no-log, and says what it left out", async () => {
    const reports = async () =>
      (
        await client.runs.search({
          experimentIds: [(await client.experiments.getByName(experiment))!.experimentId],
          filter: "tags.`dualtail.kind` = 'report'",
        })
      ).items.length;
    const before = await reports();
    const { code, stderr } = await cli("report", experiment, "--no-log", "--resamples", "200");
    expect([code, await reports()]).toEqual([0, before]);
    const { omitted, markdown } = await buildReport({ client, experiment, resamples: 200 });
    expect(await readFile(join(folder.path, "report/report.md"), "utf8")).toBe(markdown);
    expect(omitted).toEqual([
      `"la · clip · seed 0" (${stale}): a newer run of the same cell counts`,
      "1 run of another setting: train.epochs = 1",
      `run "gla-train · clip · seed 0" (${broken}): artifact predictions.csv is missing`,
      expect.stringMatching(/^"focal · clip · seed 0" .*: other classes or test images than "backdoor /),
    ]);
    expect(stderr).toContain("left out: 1 run of another setting");
    expect(markdown).toContain("## Left out");
    expect(markdown).toContain("No p can fall below 0.05 here");
  }, 30_000);

  it("takes another setting with --where", async () => {
    const where = ["--where", "train.epochs=1", "--no-log", "--resamples", "200"];
    expect((await cli("report", experiment, "--out", "older", ...where)).code).toBe(0);
    const markdown = await readFile(join(folder.path, "older/report.md"), "utf8");
    expect(markdown).toMatch(/^\| la \| clip \| 1 \| 10\.0 \[/m);
    const none = await cli("report", experiment, "--where", "train.epochs=9");
    expect(none.stderr).toMatch(/has train\.epochs=9 — there are: train\.epochs: 4, 1$/m);
    expect((await cli("report", experiment, "--where", "epochs")).code).toBe(2);
  }, 30_000);

  it("ends with one line when there is nothing to report", async () => {
    const missing = await cli("report", "no-such-experiment");
    expect(missing.code).toBe(1);
    expect(missing.stderr).toMatch(
      /^error: there is no experiment "no-such-experiment" on MLflow at .* — there are: /m,
    );
    const empty = uniqueName("empty");
    await client.experiments.ensure(empty);
    await expect(buildReport({ client, experiment: empty })).rejects.toThrow(/has no finished cell/);
    const lost = uniqueName("lost");
    const tracker = await openMlflowTracker({ client, experiment: lost });
    await logCell(tracker, {
      loss: "la",
      kind: "single",
      backbone: "clip",
      seed: 0,
      right: 5,
      without: "per-class.json",
    });
    await tracker.close();
    const failure = buildReport({ client, experiment: lost });
    await expect(failure).rejects.toBeInstanceOf(ReportError);
    await expect(failure).rejects.toThrow(
      /no run can be reported: run "la · clip · seed 0" .* per-class\.json is missing/,
    );
  });
});

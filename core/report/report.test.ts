import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { commandLine } from "../../test/support/command-line.ts";
import { type LoggedCell, logCell, NASTY } from "../../test/support/logged-cell.ts";
import { mlflowClient, mlflowUri, SERVER_START, uniqueName } from "../../test/support/mlflow-server.ts";
import { type TempFolder, tempFolder } from "../../test/support/plugin-folder.ts";
import type { MlflowClient } from "../mlflow-js-client/index.ts";
import { openMlflowTracker } from "../tracking/index.ts";
import { buildReport } from "./build.ts";
import { ReportError } from "./errors.ts";

const BACKBONES = ["clip", NASTY];

const single = (loss: string, right: number): LoggedCell[] =>
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
  const cells: LoggedCell[] = [
    ...BACKBONES.map(
      (backbone): LoggedCell => ({ loss: "zero-shot", kind: "zero-shot", backbone, right: 4 }),
    ),
    ...single("ce", 5),
    ...single("la", 6),
    // Of two spaces, as a comparison logs them: the control of the same space counts.
    ...single("control", 6).map((cell) => ({ ...cell, kind: "post-hoc", params: { "loss.space": "logit" } })),
    ...single("control", 2).map((cell) => ({
      ...cell,
      kind: "post-hoc",
      params: { "loss.space": "probability" },
    })),
    ...[0, 1].map(
      (seed): LoggedCell => ({
        loss: "backdoor",
        kind: "post-hoc",
        backbone: combined,
        seed,
        right: 9,
        params: { "loss.mode": "post-hoc", "loss.space": "logit" },
      }),
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

const cli = async (...args: string[]) =>
  commandLine(args, folder.path, { MLFLOW_TRACKING_URI: await mlflowUri() });

describe("dualtail report", () => {
  it("writes the page and logs it to the experiment", async () => {
    const { code, stdout } = await cli("report", experiment, "--out", "out", "--quiet");
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /backdoor .* beats the control of its best backbone, .* \(60\.0 %\): \+30\.0 points overall/,
    );
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
    const beside = markdown.slice(markdown.indexOf("## Beside it: other settings"));
    expect(beside).toMatch(/^- train\.epochs = 1: 1 run$/m);
    expect(beside).toMatch(/^\| la · clip \| as above \| 2 \| 60\.0 \[/m);
    expect(beside).toMatch(/^\| la · clip \| train\.epochs = 1 \| 1 \| 10\.0 \(—\) /m);
    expect(markdown).toContain("No p can fall below 0.05 here");
  }, 30_000);

  it("takes another setting with --where", async () => {
    const where = ["--where", "train.epochs=1", "--no-log", "--resamples", "200"];
    expect((await cli("report", experiment, "--out", "older", ...where)).code).toBe(0);
    const markdown = await readFile(join(folder.path, "older/report.md"), "utf8");
    expect(markdown).toMatch(/^\| la \| clip \| 1 \| 10\.0 \[/m);
    const beside = markdown.slice(markdown.indexOf("## Beside it: other settings"));
    expect(beside).toMatch(/^\| la · clip \| as above \| 1 \| 10\.0 \[/m);
    expect(beside).toMatch(/^\| la · clip \| train\.epochs = 4 \| 2 \| 60\.0 /m);
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

import { join } from "node:path";
import { expect, it } from "vitest";
import { temporaryFolder } from "../../../test/support/temporary-folder.ts";
import { evaluate } from "../../evaluation/index.ts";
import { JOURNAL, readJournal } from "../../tracking/disk/journal.ts";
import { openDiskTracker } from "../../tracking/disk-tracker.ts";
import type { MetricPoint } from "../../tracking/tracker.ts";
import type { ExecutionContext } from "./context.ts";
import { logRow } from "./log-row.ts";
import type { GroupsOfRow } from "./measure.ts";
import type { Measured } from "./rows.ts";

const labels = Int32Array.of(0, 1);
const context = {
  dataset: {
    classNames: ["a", "b"],
    test: { labels, images: ["x", "y"].map((name) => ({ kind: "bytes", name })) },
  },
  trainCounts: Int32Array.of(10, 1),
} as unknown as ExecutionContext;
const groups: GroupsOfRow = {
  downstream: ["many", "few"],
  pretrain: ["many", "few"],
  prior: Float64Array.of(0.5, 0.5),
  priorSource: "estimated",
};

/** A row that predicts these classes. */
function measured(predicted: readonly [0 | 1, 0 | 1]): Measured {
  const scores = Float32Array.from(predicted.flatMap((k) => (k === 0 ? [1, 0] : [0, 1])));
  const metrics = evaluate({ scores, labels, classes: 2, ...groups });
  return { scores, metrics, groups, backbones: [], extra: { same: 1 } };
}

it("a row that failed and is gone on with after a change adds what differs, and nothing else", async () => {
  const root = await temporaryFolder();
  const first = await openDiskTracker({ root, experiment: "e" });
  const run = await first.startRun({ name: "row" });
  await logRow(context, run, "row", measured([0, 0]));
  await first.close();
  const second = await openDiskTracker({ root, experiment: "e" });
  const again = await second.resumeRun(run.id, "row");
  await logRow(context, again, "row", measured([0, 1]));
  await again.finish("FINISHED");
  await second.close();

  const points: MetricPoint[] = [];
  for await (const { event } of readJournal(join(root, run.id, JOURNAL)))
    if (event.type === "metrics") points.push(...event.points);
  const values = (key: string) => points.filter((point) => point.key === key).map(({ value }) => value);
  expect(values("test/overall")).toEqual([0.5, 1]);
  expect(values("same")).toEqual([1]);
  const [old, newer] = points.filter(({ key }) => key === "test/overall");
  // MLflow shows the one with the later time of the same step.
  expect(newer!.timestamp).toBeGreaterThanOrEqual(old!.timestamp);
});

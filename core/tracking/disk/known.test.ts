import { appendFile, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { temporaryFolder } from "../../../test/support/temporary-folder.ts";
import { openDiskTracker } from "../disk-tracker.ts";
import { readJournal } from "./journal.ts";
import { createStepSet } from "./step-set.ts";

const events = async (root: string, id: string) => {
  const all = [];
  for await (const { event } of readJournal(join(root, id, "events.jsonl"))) all.push(event);
  return all;
};
const point = (key: string, step: number, value: number) => ({ key, step, value, timestamp: step });

it("keeps steps as ranges, in whatever order they come", () => {
  const steps = createStepSet();
  for (const step of [0, 1, 2, 9, 19, 5, 20]) steps.add(step);
  const has = Array.from({ length: 22 }, (_, step) => step).filter((step) => steps.has(step));
  expect(has).toEqual([0, 1, 2, 5, 9, 19, 20]);
});

it("leaves out what an earlier process said of a run, and what a crash left half said", async () => {
  const root = await temporaryFolder();
  const first = await openDiskTracker({ root, experiment: "e" });
  const run = await first.startRun({ name: "r" });
  const input = { name: "d", digest: "1", source: "s", context: "test" };
  await run.logParams({ a: 1 });
  await run.logInputs([input]);
  await run.logMetrics([point("loss", 0, 1), point("loss", 1, 0.5), point("speed", 1, 7)]);
  await run.logMetrics([point("best", 0, 0.5), point("odd", 0, Number.NaN)]);
  await run.logArtifact("a.txt", "a");
  await first.close();
  const file = join(root, run.id, "events.jsonl");
  await appendFile(file, '{"type":"metrics","points":[{"key":"loss","step":2');
  // Put in place by a process that was killed before it recorded it, and while it put another.
  await writeFile(join(root, run.id, "artifacts", "a.txt"), "changed");
  await writeFile(join(root, run.id, ".artifact-x"), "half");

  const second = await openDiskTracker({ root, experiment: "e" });
  const again = await second.resumeRun(run.id, "r");
  await again.logParams({ a: 2, b: 3 });
  await again.logInputs([input]);
  await again.logMetrics([point("loss", 1, 0.5), point("speed", 1, 9), point("loss", 2, 0.25)]);
  await again.logMetrics([point("best", 0, 0.5), point("odd", 0, Number.NaN)], { revise: true });
  await again.logMetrics([point("best", 0, 0.75)], { revise: true });
  await again.logArtifact("a.txt", "changed");
  await again.finish("FINISHED");
  const added = (await events(root, run.id)).slice(6);
  expect(added).toMatchObject([
    { type: "artifact", path: "a.txt", size: 7 },
    { type: "resume" },
    { type: "params", params: { b: 3 } },
    { type: "metrics", points: [point("loss", 2, 0.25)] },
    { type: "metrics", points: [point("best", 0, 0.75)] },
    { type: "finish" },
  ]);
  await expect(readFile(join(root, run.id, ".artifact-x"))).rejects.toThrow("ENOENT");
});

it("begins a run whose process ended in its first line", async () => {
  const root = await temporaryFolder();
  const id = "0123456789abcdef0123456789abcdef";
  const first = await openDiskTracker({ root, experiment: "e" });
  await (await first.startRun({ name: "r", id })).finish("FINISHED");
  const file = join(root, id, "events.jsonl");
  await writeFile(file, (await readFile(file, "utf8")).slice(0, 20));
  const second = await openDiskTracker({ root, experiment: "e" });
  await (await second.startRun({ name: "r", id })).finish("FINISHED");
  expect((await events(root, id)).map(({ type }) => type)).toEqual(["start", "resume", "tags", "finish"]);
});

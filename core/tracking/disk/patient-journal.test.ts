import { join } from "node:path";
import { expect, it } from "vitest";
import { temporaryFolder } from "../../../test/support/temporary-folder.ts";
import { FileError } from "../../errors.ts";
import type { MetricPoint } from "../tracker.ts";
import { type Journal, openJournal, type RunEvent, readJournal } from "./journal.ts";
import { patientJournal } from "./patient-journal.ts";

const point = (step: number): MetricPoint => ({ key: "loss", value: step, step, timestamp: 1 });

/** A real journal on a disk that is full while `full` says so. */
async function setUp({ limit = 5, retryMs = 0 } = {}) {
  const file = join(await temporaryFolder(), "events.jsonl");
  const journal = await openJournal(file, 0);
  const disk = { full: false };
  const failing: Journal = {
    ...journal,
    appendNow: (event) => !disk.full && journal.appendNow(event),
    append: (...args) =>
      disk.full
        ? Promise.reject(
            new FileError(file, "cannot be written (ENOSPC)", {
              cause: Object.assign(new Error("no space"), { code: "ENOSPC" }),
            }),
          )
        : journal.append(...args),
  };
  const warnings: string[] = [];
  const patient = patientJournal(failing, { file, limit, retryMs, warn: (line) => warnings.push(line) });
  // As the tracker does.
  const log = async (step: number) => {
    const event: RunEvent = { type: "metrics", points: [point(step)] };
    if (!patient.appendNow(event)) await patient.append(event);
  };
  const steps = async () => {
    const found: number[] = [];
    for await (const { event } of readJournal(file))
      if (event.type === "metrics") found.push(...event.points.map(({ step }) => step));
    return found;
  };
  return { patient, disk, warnings, log, steps };
}

it("keeps metrics in memory while the disk is full, and writes them once it is not, in order", async () => {
  const { patient, disk, warnings, log, steps } = await setUp();
  await log(0);
  disk.full = true;
  await Promise.all([log(1), log(2), log(3)]);
  // What is no metric needs the disk.
  await expect(patient.append({ type: "tags", tags: { a: "b" } })).rejects.toThrow(/ENOSPC/);
  expect(await steps()).toEqual([0]);
  disk.full = false;
  await Promise.all([log(4), log(5)]);
  await patient.close();
  expect(await steps()).toEqual([0, 1, 2, 3, 4, 5]);
  expect(warnings).toEqual([
    expect.stringMatching(/ENOSPC.*The work goes on/),
    expect.stringMatching(/no metric point was lost/),
  ]);
});

it("says how many points could not be kept, and never holds more than its limit", async () => {
  const { patient, disk, warnings, log, steps } = await setUp({ limit: 3, retryMs: 60_000 });
  disk.full = true;
  for (const step of [7, 8, 9]) await log(step);
  await expect(log(10)).rejects.toThrow(/3 metric points wait in memory.*/);
  await patient.close();
  expect(await steps()).toEqual([]);
  expect(warnings.at(-1)).toMatch(/3 metric points of steps 7 to 9 could not be kept/);
});

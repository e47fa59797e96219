import { expect, it } from "vitest";
import { silentReporter } from "../../container/reporter.ts";
import { TrackingError } from "../../tracking/errors.ts";
import type { FinishedRun } from "../../tracking/tracker.ts";
import { finishedElsewhere } from "./finished-elsewhere.ts";

const outcomes = [
  { cell: "a", runId: "1" },
  { cell: "b", runId: "2" },
];
const run = (ownId: string) => ({ ownId }) as FinishedRun;

/** A server that gives these answers, one after the other, the last again and again. */
async function ask(...answers: (readonly FinishedRun[] | "away")[]) {
  const warned: string[] = [];
  let asked = 0;
  const finishedRuns = async () => {
    const answer = answers[Math.min(asked++, answers.length - 1)]!;
    if (answer === "away") throw new TrackingError("MLflow is away", {});
    return answer;
  };
  const reporter = { ...silentReporter, warn: (line: string) => warned.push(line) };
  const signal = AbortSignal.timeout(10_000);
  const found = await finishedElsewhere(outcomes, { finishedRuns }, { signal, reporter, again: 1 });
  return { found: [...found.keys()], warned, asked };
}

it("waits for a server that is away, however long, and says so once", async () => {
  const away = Array.from({ length: 40 }, () => "away" as const);
  const { found, warned, asked } = await ask(...away, [run("1")], [run("2"), run("1")]);
  expect([found, asked]).toEqual([["a", "b"], 42]);
  expect(warned).toEqual([expect.stringMatching(/^MLflow is away.*asked for again$/)]);
});

it("does not wait for ever for a run that someone deleted", async () => {
  expect((await ask("away", [run("2")])).found).toEqual(["b"]);
});

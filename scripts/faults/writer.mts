/**
 * A process that tracks what a spec says, as training does, and reports how long that took. Arguments: JSON of
 * { uri, experiment, root, report, spec, resume? }. It prints "step n" as it goes.
 */
import { writeFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { describeError } from "../../core/errors.ts";
import { createMlflowClient } from "../../core/mlflow-js-client/index.ts";
import { openDurableTracker } from "../../core/tracking/durable-tracker.ts";
import type { TrackedRun } from "../../core/tracking/tracker.ts";
import {
  artifactOf,
  type ChildReport,
  inputsOf,
  paramsOf,
  pointsOf,
  runName,
  type Spec,
  TOO_LONG,
  tagsOf,
} from "./spec.mts";

export interface WriterTask {
  readonly uri: string;
  readonly experiment: string;
  readonly root: string;
  readonly report: string;
  readonly spec: Spec;
  /** Id of a run to go on with instead. */
  readonly resume?: string;
}

const { uri, experiment, root, report, spec, resume } = JSON.parse(process.argv[2]!) as WriterTask;
const warnings: string[] = [];
const lines: string[] = [];
const logMs: number[] = [];
let closeMs = 0;
let peak = 0;
const start = process.memoryUsage.rss();
const watch = setInterval(() => {
  peak = Math.max(peak, process.memoryUsage.rss());
}, 100);
watch.unref();

async function track(run: TrackedRun, number: number): Promise<void> {
  await run.logParams(paramsOf(number));
  await run.setTags(tagsOf(number));
  await run.logInputs(inputsOf(number));
  if (spec.poison) {
    await run.logParams({ run: "another value" });
    await run.logMetrics([{ key: TOO_LONG, value: 1, step: 0, timestamp: 1 }]);
  }
  const { perCall = 1 } = spec;
  for (let step = 0; step < spec.steps; step += perCall) {
    const points = Array.from({ length: perCall }, (_, i) => pointsOf(spec, number, step + i)).flat();
    const before = performance.now();
    await run.logMetrics(points);
    logMs.push(performance.now() - before);
    if (step % 10 === 0) console.log(`step ${number * spec.steps + step}`);
    if (spec.stepMs > 0) await sleep(spec.stepMs);
  }
  for (const [index, size] of spec.artifacts.entries())
    await run.logArtifact(`files/${index}.bin`, artifactOf(spec, number, index, size));
}

try {
  const tracker = await openDurableTracker({
    connect: (options) => createMlflowClient({ trackingUri: uri, ...options }),
    experiment,
    root,
    warn: (line) => warnings.push(line),
    line: (line) => lines.push(line),
  });
  try {
    if (resume !== undefined) {
      await tracker.resumeRun(resume, "resumed");
    } else {
      const parent = await tracker.startRun({ name: runName(0) });
      console.log(`id ${parent.id}`);
      await track(parent, 0);
      for (let number = 1; number < spec.runs; number++) {
        const run = await tracker.startRun({ name: runName(number), parent });
        await track(run, number);
        await run.finish("FINISHED");
      }
      await parent.finish("FINISHED");
    }
  } finally {
    const before = performance.now();
    await tracker.close();
    closeMs = performance.now() - before;
  }
} catch (error) {
  process.exitCode = 1;
  warnings.push(describeError(error));
} finally {
  const done: ChildReport = { logMs, warnings, lines, rss: { start, peak }, closeMs };
  await writeFile(report, JSON.stringify(done));
}

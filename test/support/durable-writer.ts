/**
 * A process that tracks one run durably and may be killed at any moment: started again, it goes on after the last step
 * in its journal. Arguments: tracking URI, experiment, folder of journals, steps.
 */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { createMlflowClient } from "../../core/mlflow-js-client/index.ts";
import { readJournal } from "../../core/tracking/disk/journal.ts";
import { openDurableTracker } from "../../core/tracking/durable-tracker.ts";

const [trackingUri, experiment, root, steps] = process.argv.slice(2) as [string, string, string, string];

const tracker = await openDurableTracker({
  connect: (options) => createMlflowClient({ trackingUri, ...options }),
  experiment,
  root,
  warn: (line) => console.error(line),
  timing: { gather: 5, maxGather: 5 },
});
const [known] = await readdir(root);
let next = 0;
if (known !== undefined) {
  for await (const { event } of readJournal(join(root, known, "events.jsonl"))) {
    if (event.type === "metrics") next = event.points[0]!.step + 1;
  }
}
const run =
  known === undefined ? await tracker.startRun({ name: "killed" }) : await tracker.resumeRun(known, "killed");
console.log("started");
for (let step = next; step < Number(steps); step++) {
  const at = { step, timestamp: Date.now() };
  await run.logMetrics([
    { key: "loss", value: 1 / (step + 1), ...at },
    { key: "odd", value: Number.NaN, ...at },
  ]);
  if (step % 40 === 0) await run.logArtifact(`step-${step}.txt`, String(step));
  await sleep(1);
}
await run.finish("FINISHED");
await tracker.close();

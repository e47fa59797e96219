/**
 * A process that does nothing but wait and, when told so, log as training does; it prints what processor time a step
 * took. Arguments: tracking URI, folder of journals, ms of a step, "tracked" or "idle".
 */
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { resolveTracking } from "../../core/tracking/index.ts";

/** When a run is taken for young and for old, ms from its start. */
const WINDOWS = [
  { from: 0, to: 5000 },
  { from: 10_000, to: 20_000 },
] as const;

const [uri, root, stepText, mode] = process.argv.slice(2) as [string, string, string, string];
const stepMs = Number(stepText);
const keys = ["train/loss", "train/lr", "train/images_per_second", "train/epoch"];

/** Of the thread that trains, ms (Linux). */
const mainThread = () =>
  Number(readFileSync(`/proc/self/task/${process.pid}/schedstat`, "utf8").split(" ")[0]) / 1e6;
/** Of all threads, ms. */
const allThreads = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};

// As a command does before it trains: it asks the server whether it is there.
const { openTracker } = await resolveTracking({ MLFLOW_TRACKING_URI: uri }, { home: root });
const tracker = await openTracker("cost");
const run = mode === "tracked" ? await tracker.startRun({ name: `${stepMs} ms` }) : undefined;
const began = performance.now();
const now = () => performance.now() - began;
const costs = [];
let step = 0;
for (const { from, to } of WINDOWS) {
  const work = async () => {
    const timestamp = Date.now();
    await run?.logMetrics(keys.map((key) => ({ key, value: Math.random(), step, timestamp })));
    step += 1;
    await sleep(stepMs);
  };
  while (now() < from) await work();
  const before = { main: mainThread(), all: allThreads(), step };
  while (now() < to) await work();
  const steps = step - before.step;
  costs.push({ main: (mainThread() - before.main) / steps, all: (allThreads() - before.all) / steps });
}
console.log(JSON.stringify(costs));
await run?.finish("FINISHED");
await tracker.close();

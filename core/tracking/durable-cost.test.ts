import { setTimeout as sleep } from "node:timers/promises";
import { expect, it } from "vitest";
import { mlflowUri, SERVER_START, uniqueName } from "../../test/support/mlflow-server.ts";
import { temporaryFolder } from "../../test/support/temporary-folder.ts";
import { createMlflowClient } from "../mlflow-js-client/index.ts";
import { openDurableTracker } from "./durable-tracker.ts";

const STEPS = 20;
const STEP_MS = 200;

/** Processor time of this process, all threads, ms per step of nothing but waiting and what `each` does. */
async function cost(each: (step: number) => Promise<void>): Promise<number> {
  const before = process.cpuUsage();
  for (let step = 0; step < STEPS; step++) {
    await each(step);
    await sleep(STEP_MS);
  }
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000 / STEPS;
}

it(
  `tracking takes at most 1 % of a step of ${STEP_MS} ms, once a run is older than some seconds`,
  async () => {
    const trackingUri = await mlflowUri();
    const tracker = await openDurableTracker({
      connect: (options) => createMlflowClient({ trackingUri, ...options }),
      experiment: uniqueName("cost"),
      root: await temporaryFolder(),
      // What the time between requests grows to.
      timing: { gather: 2000 },
    });
    const run = await tracker.startRun({ name: "cost" });
    await expect.poll(() => run.url, { timeout: 10_000 }).toBeDefined();
    const keys = ["loss", "lr", "norm", "images", "a", "b"];
    const tracked = await cost((step) =>
      run.logMetrics(keys.map((key) => ({ key, value: Math.random(), step, timestamp: Date.now() }))),
    );
    await run.finish("FINISHED");
    await tracker.close();
    console.log(`${tracked.toFixed(2)} ms of processor time per step of ${STEP_MS} ms`);
    expect(tracked).toBeLessThan(STEP_MS / 100);
  },
  SERVER_START,
);

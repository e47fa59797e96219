import { expect, it } from "vitest";
import { temporaryFolder } from "../../../test/support/temporary-folder.ts";
import { Interrupted } from "../../comparison/execute/context.ts";
import { silentReporter } from "../../container/reporter.ts";
import { createMlflowClient } from "../../mlflow-js-client/index.ts";
import { openDiskTracker } from "../../tracking/disk-tracker.ts";
import { deliverRest } from "./deliver-rest.ts";

/** A folder with a finished run that no server has, and a server that is away. */
async function setting() {
  const root = await temporaryFolder();
  const tracker = await openDiskTracker({ root, experiment: "away" });
  const run = await tracker.startRun({ name: "cell" });
  await run.finish("FINISHED");
  await tracker.close();
  const connect = () => createMlflowClient({ trackingUri: "http://127.0.0.1:9", retries: 0 });
  return { root, connect };
}

it("a worker that ends before MLflow has its cell does not say that the cell is done", async () => {
  const { root, connect } = await setting();
  const ends = new AbortController();
  const told: string[] = [];
  const warn = (line: string) => {
    told.push(line);
    ends.abort();
  };
  const reporter = { ...silentReporter, warn };
  const rest = deliverRest(connect, root, {
    reporter,
    signal: ends.signal,
    lost: new AbortController().signal,
  });
  await expect(rest).rejects.toThrow(Interrupted);
  expect(told).toEqual([expect.stringMatching(/is done once MLflow has it/)]);
});

it("leaves the cell alone that another worker has taken over", async () => {
  const { root, connect } = await setting();
  const signal = new AbortController().signal;
  await deliverRest(connect, root, { reporter: silentReporter, signal, lost: AbortSignal.abort() });
});

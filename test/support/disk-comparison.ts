import { expect } from "vitest";
import type { MlflowClient } from "../../core/mlflow-js-client/index.ts";
import { openDiskTracker } from "../../core/tracking/disk-tracker.ts";
import { pointsOf } from "./durable-tracking.ts";

/** A comparison with two cells, as it would be tracked without a server. */
export async function diskComparison(root: string, experiment: string): Promise<void> {
  const tracker = await openDiskTracker({ root, experiment });
  const parent = await tracker.startRun({ name: "vergleich ✓", tags: { "mlflow.source.git.commit": "abc" } });
  await parent.logParams({ dataset: "icons-lt", epochs: 3 });
  for (const name of ["ce", "la"]) {
    const cell = await tracker.startRun({ name, parent });
    await cell.logParams({ loss: name, note: "ä".repeat(6500) });
    await cell.logInputs([{ name: "icons-lt", digest: "d1", source: "icons", context: "training" }]);
    for (let step = 0; step < 1500; step += 10) await cell.logMetrics(pointsOf(step, step + 10));
    await cell.logMetrics([{ key: "odd", value: NaN, step: 0, timestamp: 1 }]);
    await cell.logArtifact("tables/klassen.csv", "größe,1\n");
    await cell.logArtifact("raw.bin", new Uint8Array([0, 1, 254, 255]));
    await cell.finish(name === "ce" ? "FINISHED" : "FAILED", name === "ce" ? undefined : "NaN loss");
  }
  await parent.finish("FINISHED");
  await tracker.close();
}

/** The runs of an experiment that the server has, in the order they started. */
export async function remoteRunsOf(
  client: MlflowClient,
  experiment: string,
  viewType: "ALL" | "ACTIVE_ONLY" = "ALL",
) {
  const known = await client.experiments.getByName(experiment);
  if (!known) return [];
  return (
    await client.runs.search({
      experimentIds: [known.experimentId],
      viewType,
      orderBy: ["attributes.start_time"],
    })
  ).items;
}

/** Expects the server to have all of such a comparison, and nothing twice. @returns its runs */
export async function expectComparison(client: MlflowClient, experiment: string) {
  const runs = await remoteRunsOf(client, experiment);
  expect(runs.map(({ info }) => [info.runName, info.status]).sort()).toEqual([
    ["ce", "FINISHED"],
    ["la", "FAILED"],
    ["vergleich ✓", "FINISHED"],
  ]);
  const parent = runs.find(({ info }) => info.runName === "vergleich ✓")!;
  expect(parent.params).toEqual({ dataset: "icons-lt", epochs: "3" });
  expect(parent.tags["mlflow.source.git.commit"]).toBe("abc");
  for (const cell of runs.filter((run) => run !== parent)) {
    expect(cell.tags["mlflow.parentRunId"]).toBe(parent.info.runId);
    expect(cell.params).toMatchObject({ loss: cell.info.runName, note: `${"ä".repeat(5999)}…` });
    expect(cell.datasets).toHaveLength(1);
    expect(await client.metrics.getHistory(cell.info.runId, "loss")).toEqual(pointsOf(0, 1500));
    expect((await client.metrics.getHistory(cell.info.runId, "odd")).map(({ value }) => value)).toEqual([
      NaN,
    ]);
    const csv = await client.artifacts.download(cell.info, "tables/klassen.csv");
    expect(new TextDecoder().decode(csv)).toBe("größe,1\n");
    expect(await client.artifacts.download(cell.info, "raw.bin")).toEqual(new Uint8Array([0, 1, 254, 255]));
  }
  expect(runs.find(({ info }) => info.runName === "la")!.tags["dualtail.reason"]).toBe("NaN loss");
  return runs;
}

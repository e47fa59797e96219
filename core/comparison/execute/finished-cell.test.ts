import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { temporaryFolder } from "../../../test/support/temporary-folder.ts";
import type { FinishedRun } from "../../tracking/tracker.ts";
import { fetchFinishedCell } from "./finished-cell.ts";
import { saveTestLogits } from "./predictions.ts";

it.each([
  ["its own id", "0a"],
  ["the server's id", "1b"],
])("finds a cell on this disk by %s in state.json", async (_, runId) => {
  const outputDir = await temporaryFolder();
  const cell = join(outputDir, "first", "cells", "ce_c1");
  await mkdir(cell, { recursive: true });
  await saveTestLogits(cell, [Float32Array.of(1, 2, 3, 4)], 2);
  const state = { runs: { c1: { runId, status: "FINISHED" } } };
  await writeFile(join(outputDir, "first", "state.json"), JSON.stringify(state));
  const asked: string[] = [];
  const run = (ids: { id: string; ownId?: string }): FinishedRun => ({
    ...ids,
    tags: {},
    metrics: {},
    artifact: async (path) => {
      asked.push(path);
      return undefined;
    },
  });
  const fetched = async (own: FinishedRun) =>
    fetchFinishedCell(own, { outputDir, folder: await temporaryFolder(), size: 4 });
  expect(await fetched(run({ id: "1b", ownId: "0a" }))).toBe(true);
  expect(asked).toEqual([]);
  expect(await fetched(run({ id: "2c", ownId: "3d" }))).toBe(false);
  expect(asked.length).toBe(1);
});

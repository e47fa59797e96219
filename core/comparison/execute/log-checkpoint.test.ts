import { mkdir, truncate, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { expect, it } from "vitest";
import { temporaryFolder } from "../../../test/support/temporary-folder.ts";
import type { TrackedRun } from "../../tracking/tracker.ts";
import type { Cell } from "../plan/index.ts";
import { logCheckpoint } from "./artifacts.ts";

it("logs a checkpoint of any size: its files are larger than what a buffer holds", async () => {
  const cell = await temporaryFolder();
  const checkpoints = join(cell, "checkpoints");
  const newest = join(checkpoints, "step-00000004");
  await mkdir(newest, { recursive: true });
  for (const name of ["adapters.safetensors", "state.json"]) await writeFile(join(newest, name), name);
  await writeFile(join(cell, "model.json"), "{}");
  // All zeros, which take no room.
  await writeFile(join(newest, "optimizer.safetensors"), "");
  await truncate(join(newest, "optimizer.safetensors"), 2 ** 31 + 1);
  const logged: Record<string, string> = {};
  const run = {
    logArtifact: async (path: string) => {
      logged[path] = "content";
    },
    logArtifactFile: async (path: string, file: string) => {
      logged[path] = basename(file);
    },
  } as unknown as TrackedRun;
  await logCheckpoint(run, checkpoints, { id: "c", backbones: [], seed: 0 } as unknown as Cell);
  expect(logged).toEqual({
    "checkpoint/adapters.safetensors": "adapters.safetensors",
    "checkpoint/optimizer.safetensors": "optimizer.safetensors",
    "checkpoint/state.json": "state.json",
    "checkpoint/model.json": "model.json",
    "checkpoint/cell.json": "content",
  });
});

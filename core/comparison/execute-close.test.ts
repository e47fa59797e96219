import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { temporaryFolder } from "../../test/support/temporary-folder.ts";
import { executeComparison } from "./execute.ts";
import type { ExecuteOptions } from "./execution-types.ts";

it("lets go of its folder also where the tracker cannot be closed in order", async () => {
  const outputDir = await temporaryFolder();
  const options = {
    config: { name: "c", experiment: "e", dataset: { use: "toy" }, peft: [], backbones: [] },
    plan: { cells: [] },
    registry: { list: () => [] },
    outputDir,
    baseDir: outputDir,
    signal: new AbortController().signal,
    openTracker: async () => ({
      description: "a disk that fails",
      startRun: () => Promise.reject(new Error("no room for a run")),
      resumeRun: () => Promise.reject(new Error("no room for a run")),
      close: () => Promise.reject(new Error("a journal cannot be closed")),
    }),
  } as unknown as ExecuteOptions;
  await expect(executeComparison(options)).rejects.toThrow("a journal cannot be closed");
  const [folder] = await readdir(outputDir);
  const names = await readdir(join(outputDir, folder!));
  expect(names.filter((name) => name.includes("lock"))).toEqual([]);
  expect(JSON.parse(await readFile(join(outputDir, folder!, "state.json"), "utf8"))).toMatchObject({
    closed: true,
  });
});

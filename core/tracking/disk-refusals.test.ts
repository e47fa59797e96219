import { readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { temporaryFolder } from "../../test/support/temporary-folder.ts";
import { openDiskTracker } from "./disk-tracker.ts";

const experiment = "refusals";
let root: string;
beforeEach(async () => {
  root = await temporaryFolder();
});

describe("openDiskTracker", () => {
  it("refuses paths outside of the run and runs that are not there", async () => {
    const tracker = await openDiskTracker({ root, experiment });
    const run = await tracker.startRun({ name: "r" });
    for (const path of ["../x", "/x", "a//b", ""])
      await expect(run.logArtifact(path, "x")).rejects.toThrow(/no artifact path/);
    await expect(run.logArtifactFile("a", join(root, "missing"))).rejects.toMatchObject({
      name: "FileError",
    });
    await expect(tracker.resumeRun("../x", "r")).rejects.toThrow(/cannot be resumed/);
    await expect(tracker.resumeRun("ab", "r")).rejects.toThrow(/cannot be resumed/);
    await tracker.close();
    expect((await readdir(join(root, run.id))).sort()).toEqual(["artifacts", "events.jsonl"]);
  });

  it("says when its folder cannot be used", async () => {
    await writeFile(join(root, "file"), "");
    const failure = openDiskTracker({ root: join(root, "file", "x"), experiment });
    await expect(failure).rejects.toThrow(/file\/x: cannot be written to \(ENOTDIR\)/);
  });
});

import { chmod, chown, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { temporaryFolder } from "../../test/support/temporary-folder.ts";
import { openDiskTracker } from "./disk-tracker.ts";

/** In their order: what was forced to disk, and what was put in its place; and how often the former is to fail. */
const disk = vi.hoisted(() => ({ done: [] as string[], failures: 0 }));
const { done } = disk;

vi.mock("node:fs/promises", async (original) => {
  const real = await original<typeof import("node:fs/promises")>();
  return {
    ...real,
    open: async (...args: Parameters<typeof real.open>) => {
      const handle = await real.open(...args);
      const sync = handle.sync.bind(handle);
      handle.sync = async () => {
        disk.done.push(`sync ${String(args[0])}`);
        if (disk.failures-- > 0) throw Object.assign(new Error("bad sector"), { code: "EIO" });
        await sync();
      };
      return handle;
    },
    rename: async (from: string, to: string) => {
      await real.rename(from, to);
      disk.done.push(`rename ${to}`);
    },
  };
});

let root: string;
beforeEach(async () => {
  root = join(await temporaryFolder(), "home", "runs");
  done.length = 0;
  disk.failures = 0;
});

describe("what is on the disk outlives a power cut", () => {
  it("with the folders that lead to it", async () => {
    const tracker = await openDiskTracker({ root, experiment: "e" });
    const run = await tracker.startRun({ name: "r" });
    const folder = join(root, run.id);
    for (const above of [join(root, "..", ".."), join(root, ".."), root, folder])
      expect(done).toContain(`sync ${above}`);
    expect(done).toContain(`sync ${join(folder, "events.jsonl")}`);

    done.length = 0;
    await run.logArtifact("plots/curve.svg", "<svg/>");
    const file = join(folder, "artifacts", "plots", "curve.svg");
    const [placed, inFolder, recorded] = [
      done.indexOf(`rename ${file}`),
      done.indexOf(`sync ${join(folder, "artifacts", "plots")}`),
      done.indexOf(`sync ${join(folder, "events.jsonl")}`),
    ];
    expect(done).toContain(`sync ${join(folder, "artifacts")}`);
    expect(placed).toBeGreaterThan(0);
    expect(inFolder).toBeGreaterThan(placed);
    expect(recorded).toBeGreaterThan(inFolder);
    await tracker.close();
  });
});

describe("a model that is logged again", () => {
  it("changes no file before all of the new ones are there", async () => {
    const files = await temporaryFolder();
    const named = ["MLmodel", "model.onnx"].map((path) => ({ path, file: join(files, path) }));
    for (const { file } of named) await writeFile(file, "one");
    const tracker = await openDiskTracker({ root, experiment: "e" });
    const run = await tracker.startRun({ name: "r" });
    const model = { name: "model", files: named, summary: {} };
    await run.logModel(model);
    await writeFile(named[0]!.file, "two");
    const incomplete = { ...model, files: [named[0]!, { path: "model.onnx", file: join(files, "none") }] };
    await expect(run.logModel(incomplete)).rejects.toThrow(/model\.onnx: cannot be written \(ENOENT\)/);
    const folder = join(root, run.id);
    expect(await readFile(join(folder, "artifacts", "model", "MLmodel"), "utf8")).toBe("one");
    expect((await readdir(folder)).filter((name) => name.startsWith(".artifact"))).toEqual([]);
    done.length = 0;
    await run.logModel(model);
    const renames = done.flatMap((what, index) => (what.startsWith("rename") ? [index] : []));
    expect(renames[1]! - renames[0]!).toBe(1);
    await tracker.close();
  });
});

it("takes a file that may only be read, also of who is not root", async () => {
  const folder = await temporaryFolder();
  const file = join(folder, "weights");
  await writeFile(file, "w");
  await chmod(file, 0o444);
  if (process.getuid?.() === 0) {
    const nobody = 65534;
    await chown(folder, nobody, nobody);
    await chown(file, nobody, nobody);
    process.seteuid!(nobody);
    onTestFinished(() => process.seteuid!(0));
  }
  const tracker = await openDiskTracker({ root: join(folder, "runs"), experiment: "e" });
  const run = await tracker.startRun({ name: "r" });
  await run.logArtifactFile("weights", file);
  await tracker.close();
  expect(await readFile(join(folder, "runs", run.id, "artifacts", "weights"), "utf8")).toBe("w");
});

it("lets go of every run where one of them cannot be closed in order, and says why", async () => {
  const ended: string[] = [];
  const watcher = { opened: () => {}, appended: () => {}, ended: (id: string) => void ended.push(id) };
  const tracker = await openDiskTracker({ root, experiment: "e", watcher });
  const runs = [await tracker.startRun({ name: "a" }), await tracker.startRun({ name: "b" })];
  disk.failures = 1;
  await expect(tracker.close()).rejects.toThrow(/events\.jsonl: cannot be written \(EIO\)/);
  expect(ended.sort()).toEqual(runs.map(({ id }) => id).sort());
  const other = await openDiskTracker({ root, experiment: "e" });
  for (const { id } of runs) await (await other.resumeRun(id, "again")).finish("FINISHED");
  await other.close();
});

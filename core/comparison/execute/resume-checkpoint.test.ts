import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { temporaryFolder } from "../../../test/support/temporary-folder.ts";
import { createCheckpointSender, fetchCheckpoint } from "./resume-checkpoint.ts";

/** A run's artifacts in memory. */
function artifacts() {
  const kept = new Map<string, Uint8Array>();
  let left = Number.POSITIVE_INFINITY;
  /** Paths of those that were given as files, which may be of any size. */
  const files = new Set<string>();
  return {
    kept,
    files,
    /** Only so many more arrive. */
    endAfter: (count: number) => {
      left = count;
    },
    async logArtifact(path: string, content: string | Uint8Array) {
      if (left-- > 0)
        kept.set(path, typeof content === "string" ? new TextEncoder().encode(content) : content);
    },
    async logArtifactFile(path: string, file: string) {
      files.add(path);
      if (left-- > 0) kept.set(path, await readFile(file));
    },
    get: async (path: string) => kept.get(path),
  };
}

/** A folder of checkpoints that holds that of one step, as training leaves it. */
async function checkpointOf(step: number): Promise<string> {
  const cell = await temporaryFolder();
  await writeFile(join(cell, "history.jsonl"), `${JSON.stringify(["loss", step - 1, 0.5])}\n`);
  const dir = join(cell, "checkpoints");
  const folder = join(dir, `step-${String(step).padStart(8, "0")}`);
  await mkdir(folder, { recursive: true });
  for (const file of ["adapters.safetensors", "optimizer.safetensors", "state.json"]) {
    await writeFile(join(folder, file), `${file} of step ${step}`);
  }
  return dir;
}

const fetched = async (get: (path: string) => Promise<Uint8Array | undefined>) => {
  const cell = await temporaryFolder();
  const dir = join(cell, "checkpoints");
  await mkdir(dir);
  const name = await fetchCheckpoint(get, dir);
  expect(await readdir(dir)).toEqual(name ? [name] : []);
  expect(await readdir(cell)).toEqual(name ? ["checkpoints", "history.jsonl"] : ["checkpoints"]);
  return name && (await readFile(join(dir, name, "optimizer.safetensors"), "utf8"));
};

it("takes the newest checkpoint that is whole, wherever sending ended", async () => {
  // Five artifacts each: the third checkpoint replaces the first.
  for (let arrived = 0; arrived <= 15; arrived++) {
    const run = artifacts();
    run.endAfter(arrived);
    const sender = createCheckpointSender(run, 0, async () => ({ written: 1, delivered: 1 }));
    for (const step of [4, 8, 12]) await sender.send(await checkpointOf(step), false);
    const whole = Math.floor(arrived / 5) * 4;
    expect([arrived, await fetched(run.get)]).toEqual([
      arrived,
      whole === 0 ? undefined : `optimizer.safetensors of step ${whole}`,
    ]);
  }
});

it("sends none twice, and not too often unless it has to be now", async () => {
  const run = artifacts();
  const sender = createCheckpointSender(run, 60_000, async () => ({ written: 1, delivered: 1 }));
  const [first, second] = [await checkpointOf(4), await checkpointOf(8)];
  await sender.send(first, false);
  await sender.send(second, false);
  expect([...run.kept.keys()].filter((path) => path.startsWith("resume/b"))).toEqual([]);
  await sender.send(second, true);
  expect(await fetched(run.get)).toBe("optimizer.safetensors of step 8");
  expect([...run.files].filter((path) => path.startsWith("resume/b"))).toEqual(
    ["adapters.safetensors", "optimizer.safetensors", "state.json"].map((file) => `resume/b/${file}`),
  );
  const before = run.kept.get("resume/a/state.json");
  await sender.send(second, true);
  expect(run.kept.get("resume/a/state.json")).toBe(before);
});

it("does not replace one that is still on its way", async () => {
  const run = artifacts();
  let delivered = 0;
  const sender = createCheckpointSender(run, 0, async () => ({ written: run.kept.size, delivered }));
  for (const step of [4, 8, 12]) await sender.send(await checkpointOf(step), false);
  expect(await fetched(run.get)).toBe("optimizer.safetensors of step 4");
  delivered = run.kept.size;
  await sender.send(await checkpointOf(16), false);
  expect(await fetched(run.get)).toBe("optimizer.safetensors of step 16");
});

it("makes no folder but a checkpoint's", async () => {
  const name = "../step-00000004";
  const manifest = new TextEncoder().encode(JSON.stringify({ version: 1, name, sha256: {} }));
  expect(
    await fetched(async (path) => (path.endsWith("manifest.json") ? manifest : undefined)),
  ).toBeUndefined();
});

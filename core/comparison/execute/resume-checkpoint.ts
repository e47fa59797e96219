import { createHash } from "node:crypto";
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { digestOf } from "../../tracking/disk/digest.ts";
import type { TrackedRun } from "../../tracking/tracker.ts";
import { newestCheckpoint } from "../../training/checkpoint.ts";
import { HISTORY } from "./history-file.ts";

/** What a checkpoint consists of, and the curves so far, which lie beside the folder of checkpoints. */
const FILES = ["adapters.safetensors", "optimizer.safetensors", "state.json"] as const;
/** Two places that are written in turn: while one is being replaced the other is whole. */
const SLOTS = ["a", "b"] as const;
const MANIFEST = "manifest.json";

interface Manifest {
  readonly version: 1;
  /** Name of the checkpoint's folder; sorts by the step. */
  readonly name: string;
  /** Hex, by file. */
  readonly sha256: Readonly<Record<string, string>>;
}

const at = (slot: string, file: string): string => `resume/${slot}/${file}`;

/** Sends a cell's newest checkpoint to its run, so that another machine can go on from it. */
export interface CheckpointSender {
  /** @param now also when the last one was sent just before */
  send(dir: string, now: boolean): Promise<void>;
}

/** How much of what a run's writer has logged is where others can read it, in bytes of the log or any other unit. */
export interface Progress {
  readonly written: number;
  readonly delivered: number;
}

/**
 * A checkpoint is sent when the one before has arrived: a run that is trained faster than its checkpoints travel would
 * else replace each before it was read, and none would ever be whole.
 * @param every ms between two checkpoints that are sent, unless it has to be now
 */
export function createCheckpointSender(
  run: Pick<TrackedRun, "logArtifact" | "logArtifactFile">,
  every: number,
  progress: () => Promise<Progress>,
): CheckpointSender {
  let last: { readonly name: string; readonly time: number; readonly written: number } | undefined;
  let turn = 0;
  return {
    async send(dir, now) {
      const folder = await newestCheckpoint(dir);
      if (folder === undefined) return;
      const name = basename(folder);
      if (last?.name === name) return;
      if (last && !now) {
        if (Date.now() - last.time < every || (await progress()).delivered < last.written) return;
      }
      const slot = SLOTS[turn++ % SLOTS.length]!;
      const sha256: Record<string, string> = {};
      for (const file of FILES) {
        const from = join(folder, file);
        sha256[file] = (await digestOf(from)).sha256;
        await run.logArtifactFile(at(slot, file), from);
      }
      // Small, and it grows while training goes on.
      const history = new Uint8Array(await readFile(join(dirname(dir), HISTORY)));
      sha256[HISTORY] = digest(history);
      await run.logArtifact(at(slot, HISTORY), history);
      const manifest: Manifest = { version: 1, name, sha256 };
      // Last: what it does not describe is not taken.
      await run.logArtifact(at(slot, MANIFEST), `${JSON.stringify(manifest, null, 2)}\n`);
      last = { name, time: Date.now(), written: (await progress()).written };
    },
  };
}

/**
 * Brings the newest whole checkpoint among a run's artifacts into a cell's folder of checkpoints.
 * @param artifact of the run; undefined when it has none of that path
 * @returns its name; undefined when there is none
 */
export async function fetchCheckpoint(
  artifact: (path: string) => Promise<Uint8Array | undefined>,
  dir: string,
): Promise<string | undefined> {
  const manifests: { readonly slot: string; readonly manifest: Manifest }[] = [];
  for (const slot of SLOTS) {
    const manifest = parseManifest(await artifact(at(slot, MANIFEST)));
    if (manifest) manifests.push({ slot, manifest });
  }
  manifests.sort((a, b) => (a.manifest.name < b.manifest.name ? 1 : -1));
  for (const { slot, manifest } of manifests) {
    const { name, sha256 } = manifest;
    const temporary = join(dir, `.${name}.fetched`);
    await rm(temporary, { recursive: true, force: true });
    await mkdir(temporary, { recursive: true });
    let whole = true;
    for (const file of [...FILES, HISTORY]) {
      const content = await artifact(at(slot, file));
      whole = content !== undefined && digest(content) === sha256[file];
      if (!whole) break;
      await writeFile(join(temporary, file), content!);
    }
    if (whole) {
      await rename(join(temporary, HISTORY), join(dirname(dir), HISTORY));
      await rename(temporary, join(dir, name));
      return name;
    }
    // Cut off while it was replaced: the other one is whole.
    await rm(temporary, { recursive: true, force: true });
  }
  return undefined;
}

/** Undefined for what is none; its name becomes a folder's. */
function parseManifest(content: Uint8Array | undefined): Manifest | undefined {
  if (content === undefined) return undefined;
  try {
    const manifest = JSON.parse(new TextDecoder().decode(content)) as Partial<Manifest> | null;
    const { version, name, sha256 } = manifest ?? {};
    if (version === 1 && /^step-\d{8,12}$/.test(String(name)) && sha256) return manifest as Manifest;
  } catch {
    // Half of one, say.
  }
  return undefined;
}

const digest = (content: Uint8Array): string => createHash("sha256").update(content).digest("hex");

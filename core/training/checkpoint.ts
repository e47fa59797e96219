import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { FileError } from "../errors.ts";
import { readSafetensorsHeader, readTensor, writeSafetensors } from "../models/checkpoint/safetensors.ts";
import { syncFolder } from "../models/checkpoint/sync-folder.ts";
import { writeAtomically } from "../models/checkpoint/write-atomically.ts";
import type { TrainState } from "./train-step.ts";

/** What a checkpoint says besides the tensors. */
export interface CheckpointState {
  /** Updates done so far; training goes on with this step. */
  readonly step: number;
  readonly seed: number;
}

const PREFIX = "step-";
const PARAMS = "adapters.safetensors";
const SLOTS = "optimizer.safetensors";
const STATE = "state.json";
const TEMPORARY = ".tmp";

/**
 * Saves parameters, optimizer slots and position as a new folder `step-<n>` and removes the one before. The folder
 * appears by a rename of files that are on the disk, so that a checkpoint is either whole or not there, and the one
 * before is there until then. A step that has one keeps it: training gives the same again.
 */
export async function saveCheckpoint(
  dir: string,
  train: TrainState,
  state: CheckpointState,
): Promise<string> {
  const { params, slots, shapes } = train;
  const name = `${PREFIX}${String(state.step).padStart(8, "0")}`;
  const target = join(dir, name);
  if (!existsSync(target)) {
    const temporary = join(dir, `.${name}${TEMPORARY}`);
    await rm(temporary, { recursive: true, force: true });
    await mkdir(temporary, { recursive: true });
    await writeSafetensors(
      join(temporary, PARAMS),
      shaped(params, (name) => name, shapes),
    );
    await writeSafetensors(
      join(temporary, SLOTS),
      shaped(slots, (name) => name.slice(0, name.lastIndexOf("/")), shapes),
    );
    await writeAtomically(join(temporary, STATE), [Buffer.from(`${JSON.stringify(state, null, 2)}\n`)]);
    await syncFolder(temporary);
    await rename(temporary, target);
    await syncFolder(dir);
  }
  await removeOthers(dir, name);
  return target;
}

/** Removes older checkpoints, and what a process that was killed while it saved left of one. */
async function removeOthers(dir: string, name: string): Promise<void> {
  for (const other of await readdir(dir)) {
    const old = other.startsWith(PREFIX) && other !== name;
    const half = other.startsWith(`.${PREFIX}`) && other.endsWith(TEMPORARY);
    if (old || half) await rm(join(dir, other), { recursive: true, force: true });
  }
}

/** Restores the newest checkpoint of a folder and removes what a kill left beside it; undefined when there is none. @throws FileError */
export async function loadCheckpoint(
  dir: string,
  { params, slots }: TrainState,
): Promise<CheckpointState | undefined> {
  const newest = (await checkpointNames(dir)).at(-1);
  if (newest === undefined) return undefined;
  await restore(join(dir, newest, PARAMS), params);
  await restore(join(dir, newest, SLOTS), slots);
  const file = join(dir, newest, STATE);
  let saved: CheckpointState;
  try {
    saved = JSON.parse(await readFile(file, "utf8")) as CheckpointState;
  } catch (cause) {
    throw new FileError(file, "is not readable as JSON", {
      hint: `remove ${join(dir, newest)} to start over`,
      cause,
    });
  }
  // Only now: the older one is of use until this one is known to be whole.
  await removeOthers(dir, newest);
  return saved;
}

/** Folder of the newest checkpoint. */
export async function newestCheckpoint(dir: string): Promise<string | undefined> {
  const name = (await checkpointNames(dir)).at(-1);
  return name === undefined ? undefined : join(dir, name);
}

async function checkpointNames(dir: string): Promise<string[]> {
  try {
    return (await readdir(dir)).filter((name) => name.startsWith(PREFIX)).sort();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}

const shaped = (
  tensors: ReadonlyMap<string, Float32Array>,
  paramOf: (name: string) => string,
  shapes: TrainState["shapes"],
) =>
  Object.fromEntries(
    [...tensors].map(([name, data]) => [
      name,
      { dtype: "F32" as const, shape: shapes.get(paramOf(name)) ?? [data.length], data },
    ]),
  );

async function restore(file: string, target: Map<string, Float32Array>): Promise<void> {
  const header = await readSafetensorsHeader(file);
  for (const [name, current] of target) {
    const tensor = header.tensors.get(name);
    if (tensor === undefined || tensor.length !== current.byteLength) {
      throw new FileError(
        file,
        `tensor "${name}" is ${tensor === undefined ? "missing" : "of another size"}`,
        {
          hint: "the checkpoint belongs to another configuration; remove it to start over",
        },
      );
    }
    target.set(name, await readTensor(header, name));
  }
}

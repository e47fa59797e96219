import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { FileError } from "../errors.ts";
import { readSafetensorsHeader, readTensor, writeSafetensors } from "../models/checkpoint/safetensors.ts";
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

/**
 * Saves parameters, optimizer slots and position as a new folder `step-<n>` and removes the one before. The folder
 * appears by a rename, so that a checkpoint is either whole or not there.
 */
export async function saveCheckpoint(
  dir: string,
  train: TrainState,
  state: CheckpointState,
): Promise<string> {
  const { params, slots, shapes } = train;
  const name = `${PREFIX}${String(state.step).padStart(8, "0")}`;
  const temporary = join(dir, `.${name}.tmp`);
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
  await writeFile(join(temporary, STATE), `${JSON.stringify(state, null, 2)}\n`);
  const target = join(dir, name);
  await rm(target, { recursive: true, force: true });
  await rename(temporary, target);
  for (const other of await checkpointNames(dir)) {
    if (other !== name) await rm(join(dir, other), { recursive: true, force: true });
  }
  return target;
}

/** Restores the newest checkpoint of a folder into `state`; undefined when there is none. @throws FileError */
export async function loadCheckpoint(
  dir: string,
  { params, slots }: TrainState,
): Promise<CheckpointState | undefined> {
  const newest = (await checkpointNames(dir)).at(-1);
  if (newest === undefined) return undefined;
  await restore(join(dir, newest, PARAMS), params);
  await restore(join(dir, newest, SLOTS), slots);
  const file = join(dir, newest, STATE);
  try {
    return JSON.parse(await readFile(file, "utf8")) as CheckpointState;
  } catch (cause) {
    throw new FileError(file, "is not readable as JSON", {
      hint: `remove ${join(dir, newest)} to start over`,
      cause,
    });
  }
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

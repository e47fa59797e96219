import { access, readdir } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { FileError } from "../../errors.ts";
import { newestCheckpoint } from "../../training/checkpoint.ts";
import { MODEL_FILE } from "./model-file.ts";

/** Where a trained model lies on disk. */
export type ModelPlace =
  | {
      readonly kind: "trained";
      /** Its `model.json`. */
      readonly modelFile: string;
      /** Its trained parameters; absent when it combines other models. */
      readonly paramsFile: string | undefined;
    }
  /** A folder that `exportPeftFolder` has written. */
  | { readonly kind: "peft"; readonly folder: string };

const PARAMS = "adapters.safetensors";
const ADAPTER = "adapter_config.json";

/**
 * Finds a trained model: in the folder of a trained cell, in one of its checkpoints, in a downloaded `checkpoint`
 * artifact, in the run folder of a comparison that has trained one model only, or in an exported PEFT folder.
 * @throws FileError when there is none, or more than one
 */
export async function locateModel(path: string): Promise<ModelPlace> {
  const folder = resolve(path);
  if (await exists(join(folder, ADAPTER))) return { kind: "peft", folder };
  if (await exists(join(folder, MODEL_FILE))) {
    const flat = join(folder, PARAMS);
    return place(folder, (await exists(flat)) ? folder : await newestCheckpoint(join(folder, "checkpoints")));
  }
  // <cell>/checkpoints and <cell>/checkpoints/step-…
  if (basename(folder) === "checkpoints" && (await exists(join(dirname(folder), MODEL_FILE)))) {
    return place(dirname(folder), await newestCheckpoint(folder));
  }
  const cell = dirname(dirname(folder));
  if ((await exists(join(folder, PARAMS))) && (await exists(join(cell, MODEL_FILE))))
    return place(cell, folder);
  return inRun(folder);
}

async function inRun(folder: string): Promise<ModelPlace> {
  const cells = join(folder, "cells");
  const names = await readdir(cells).catch((cause: NodeJS.ErrnoException): string[] => {
    if (cause.code === "ENOENT" || cause.code === "ENOTDIR") return [];
    throw new FileError(cells, `cannot be read (${cause.code})`, { hint: "check its permissions", cause });
  });
  const trained: string[] = [];
  for (const name of names.sort()) if (await exists(join(cells, name, MODEL_FILE))) trained.push(name);
  const [only] = trained;
  if (only === undefined) {
    throw new FileError(folder, "holds no trained model", {
      hint: "name the run folder that a comparison printed, or a folder in its cells/; training must have finished",
    });
  }
  if (trained.length > 1) {
    throw new FileError(folder, `holds ${trained.length} trained models`, {
      hint: `name one of the folders in its cells/: ${trained.join(", ")}`,
    });
  }
  return locateModel(join(cells, only));
}

const place = (folder: string, checkpoint: string | undefined): ModelPlace => ({
  kind: "trained",
  modelFile: join(folder, MODEL_FILE),
  paramsFile: checkpoint === undefined ? undefined : join(checkpoint, PARAMS),
});

const exists = (file: string): Promise<boolean> =>
  access(file).then(
    () => true,
    () => false,
  );

import { join } from "node:path";
import type { Preprocessor } from "../../models/checkpoint/folder.ts";
import { jsonCheck, readJsonIfPresent } from "../../models/checkpoint/json-file.ts";
import { readSafetensorsHeader, readTensor, writeSafetensors } from "../../models/checkpoint/safetensors.ts";
import { writeAtomically } from "../../models/checkpoint/write-atomically.ts";
import { HEADS, type HeadType } from "../../models/heads/index.ts";
import type { CheckpointLocation } from "../../plugin-api/index.ts";
import { location, plugin } from "../trained-model/model-file.ts";
import type { TrainedModel, TrainedParam } from "../trained-model/trained-model.ts";

/** The classifier on top of an adapter, which peft knows nothing of. */
export interface FolderHead {
  readonly label: string;
  readonly classNames: readonly string[];
  readonly loss: TrainedModel["loss"];
  readonly backbone: { readonly label: string; readonly location: CheckpointLocation };
  readonly head: { readonly type: HeadType; readonly scale: number };
  readonly preprocessing: Preprocessor;
}

const CONFIG = "dualtail.json";
const WEIGHTS = "dualtail_head.safetensors";
const FORMAT = 1;
/** What the names of a head's parameters start with in a classifier. */
export const HEAD_PREFIX = "head.";

const text = { type: "string" };
const check = jsonCheck<FolderHead>({
  type: "object",
  required: ["format", "label", "classNames", "loss", "backbone", "head"],
  properties: {
    format: { const: FORMAT },
    label: text,
    classNames: { type: "array", items: text, minItems: 1 },
    loss: plugin,
    backbone: {
      type: "object",
      required: ["label", "location"],
      properties: { label: text, location },
    },
    head: {
      type: "object",
      required: ["type", "scale"],
      properties: { type: { enum: Object.keys(HEADS) }, scale: { type: "number" } },
    },
  },
});

/** Writes `dualtail.json` and `dualtail_head.safetensors`; params are called `head.weight` and so on. */
export async function writeHead(
  folder: string,
  content: FolderHead,
  params: ReadonlyMap<string, TrainedParam>,
): Promise<void> {
  const tensors = [...params].map(([name, param]) => [name.slice(HEAD_PREFIX.length), param] as const);
  await writeSafetensors(join(folder, WEIGHTS), Object.fromEntries(tensors), { format: "pt" });
  const json = `${JSON.stringify({ format: FORMAT, ...content }, null, 2)}\n`;
  await writeAtomically(join(folder, CONFIG), [Buffer.from(json)]);
}

/** The head in a folder; undefined for a folder that is not of ours. @throws FileError, ConfigError */
export async function readHead(
  folder: string,
): Promise<(FolderHead & { readonly params: ReadonlyMap<string, TrainedParam> }) | undefined> {
  const file = join(folder, CONFIG);
  const json = await readJsonIfPresent(file);
  if (json === undefined) return undefined;
  const header = await readSafetensorsHeader(join(folder, WEIGHTS));
  const params = new Map<string, TrainedParam>();
  for (const [name, { shape }] of header.tensors) {
    params.set(`${HEAD_PREFIX}${name}`, { shape, data: await readTensor(header, name) });
  }
  return { ...check(json, file), params };
}

import { dirname, join } from "node:path";
import { jsonCheck, readJson } from "../../models/checkpoint/json-file.ts";
import { writeAtomically } from "../../models/checkpoint/write-atomically.ts";
import { HEADS, type HeadType } from "../../models/heads/index.ts";
import type { CheckpointLocation } from "../../plugin-api/index.ts";

/** A plugin by name, with the options it was used with. */
export interface UsedPlugin {
  readonly use: string;
  readonly options: Readonly<Record<string, unknown>>;
}

/** A backbone of a trained classifier. */
export interface ModelFileMember {
  /** The backbone's label. */
  readonly label: string;
  readonly location: CheckpointLocation;
  /** What the names of its trained parameters start with. */
  readonly prefix: string;
  readonly head: { readonly type: HeadType; readonly scale: number };
  readonly peft: readonly UsedPlugin[];
}

/** What is needed to build a trained classifier again, beside its parameters. */
export interface ModelFile {
  readonly label: string;
  readonly loss: UsedPlugin;
  readonly classNames: readonly string[];
  /** The backbones it was trained with; empty when it combines other models. */
  readonly members: readonly ModelFileMember[];
  /** Masses P(c) of the members, or of the models it combines; summing to 1. */
  readonly strataPrior: readonly number[];
  /** Folders of the models it combines, relative to its own. */
  readonly combines: readonly string[];
  /**
   * Third-party plugins as the configuration named them, and the folder they are looked for in; of an application, those
   * it is built with that were objects and are in no file.
   */
  readonly plugins: {
    readonly specifiers: readonly string[];
    readonly baseDir: string;
    readonly objects?: readonly string[];
  };
}

/** Name of a trained classifier's file in its folder. */
export const MODEL_FILE = "model.json";
const FORMAT = 1;

const text = { type: "string" };
const strings = { type: "array", items: text };
export const plugin = {
  type: "object",
  required: ["use", "options"],
  properties: { use: text, options: { type: "object" } },
};
export const location = {
  type: "object",
  required: ["kind"],
  properties: { imageSize: { type: "integer", minimum: 1 }, activation: text },
  oneOf: [
    { required: ["path"], properties: { kind: { const: "folder" }, path: text } },
    { required: ["repo", "revision"], properties: { kind: { const: "hub" }, repo: text, revision: text } },
  ],
};
const member = {
  type: "object",
  required: ["label", "location", "prefix", "head", "peft"],
  properties: {
    label: text,
    location,
    prefix: text,
    head: {
      type: "object",
      required: ["type", "scale"],
      properties: { type: { enum: Object.keys(HEADS) }, scale: { type: "number" } },
    },
    peft: { type: "array", items: plugin },
  },
};

const check = jsonCheck<ModelFile>({
  type: "object",
  required: ["format", "label", "loss", "classNames", "members", "strataPrior", "combines", "plugins"],
  properties: {
    format: { const: FORMAT },
    label: text,
    loss: plugin,
    classNames: { ...strings, minItems: 1 },
    members: { type: "array", items: member },
    strataPrior: { type: "array", items: { type: "number" } },
    combines: strings,
    plugins: {
      type: "object",
      required: ["specifiers", "baseDir"],
      properties: { specifiers: strings, baseDir: text, objects: strings },
    },
  },
});

/** Writes `model.json` into a folder. */
export function writeModelFile(folder: string, content: ModelFile): Promise<void> {
  const json = `${JSON.stringify({ format: FORMAT, ...content }, null, 2)}\n`;
  return writeAtomically(join(folder, MODEL_FILE), [Buffer.from(json)]);
}

/** @throws FileError, ConfigError naming the file and the JSON path */
export async function readModelFile(file: string): Promise<ModelFile & { readonly folder: string }> {
  return { ...check(await readJson(file), file), folder: dirname(file) };
}

import { readFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { DualtailError, FileError } from "../errors.ts";
import {
  decodeModel,
  describeValue,
  type OnnxModel as OnnxMessage,
  type ParsedGraph,
  type Shape,
  sizeOf,
} from "../graph/index.ts";
import { buildModel } from "./build.ts";
import type { LoraSite } from "./lora.ts";

/** Sizes of the dimensions that a file leaves open. */
export interface Dimensions {
  /** By the name that the file gives them, e.g. { batch: 8 }. */
  readonly dims?: Readonly<Record<string, number>>;
  /** Whole shapes of inputs by their name, for dimensions that have none. */
  readonly shapes?: Readonly<Record<string, Shape>>;
}

/** A weight of a model: an initializer, or a Constant node of an exporter that writes weights so. */
export interface ModelWeight {
  readonly name: string;
  readonly dtype: string;
  readonly shape: Shape;
  /** Names of the operators that read it. */
  readonly usedBy: readonly string[];
}

/** A new last layer: features [B, F] → scores [B, classes]. */
export interface ModelHead {
  /** A tensor of the file. */
  readonly from: string;
  readonly classes: number;
  /** Name of the new output; its parameters are `<output>.weight` and `<output>.bias`. */
  readonly output: string;
}

/**
 * An ONNX model, and what of it is to be trained. `markTrainable`, `injectLora` and `addHead` return another one and
 * leave this as it is.
 */
export interface TrainableModel {
  /** The file's content; training never changes it. */
  readonly message: OnnxMessage;
  /** Folder that external data is relative to. */
  readonly folder: string;
  readonly dimensions: Dimensions;
  readonly inputs: Readonly<Record<string, string>>;
  readonly outputs: Readonly<Record<string, string>>;
  readonly weights: readonly ModelWeight[];
  /** The file read at its dimensions, as it came. */
  readonly parsed: ParsedGraph;
  readonly trainable: ReadonlySet<string>;
  readonly lora: readonly LoraSite[];
  readonly head: ModelHead | undefined;
}

/** How an ONNX file is read. */
export interface LoadOnnxOptions extends Dimensions {
  /** Folder that external data is relative to, for a model given as bytes. */
  readonly folder?: string;
}

/**
 * Reads an ONNX model for training: as exported by PyTorch, tf2onnx, paddle2onnx and the like, operators of version 7 and
 * later. onnxruntime is not loaded.
 * @param source a path, or the file's bytes
 * @throws FileError when it cannot be read; OnnxFormatError for what is not a model, or has dimensions without a size;
 * UnknownOpError for an operator that is not supported
 */
export async function loadOnnx(
  source: string | Uint8Array,
  { folder, ...dimensions }: LoadOnnxOptions = {},
): Promise<TrainableModel> {
  const bytes = typeof source === "string" ? await read(source) : source;
  const base = {
    message: decodeModel(bytes),
    folder: resolve(folder ?? (typeof source === "string" ? dirname(source) : ".")),
    dimensions,
    trainable: new Set<string>(),
    lora: [],
    head: undefined,
  };
  const { parsed } = buildModel(base);
  const described = (values: ParsedGraph["inputs"]) =>
    Object.fromEntries(Object.entries(values).map(([name, value]) => [name, describeValue(value)]));
  return {
    ...base,
    parsed,
    inputs: described(parsed.inputs),
    outputs: described(parsed.outputs),
    weights: [...parsed.weights].map(([name, { dtype, shape }]) => ({
      name,
      dtype,
      shape,
      usedBy: parsed.nodes.filter((node) => node.inputNames.includes(name)).map((node) => node.name),
    })),
  };
}

async function read(file: string): Promise<Uint8Array> {
  try {
    return await readFile(file);
  } catch (cause) {
    throw new FileError(file, "cannot be read as an ONNX model", { hint: "check the path", cause });
  }
}

/** A text, a pattern, or several of them. */
export type Match = string | RegExp | readonly (string | RegExp)[];

/** Whether a name is one of the texts, or has one of the patterns in it. */
export function matches(match: Match, name: string): boolean {
  const all: readonly (string | RegExp)[] =
    typeof match === "string" || match instanceof RegExp ? [match] : match;
  // A pattern with the flag g remembers where it was.
  return all.some((one) => (typeof one === "string" ? one === name : name.search(one) >= 0));
}

/**
 * Trains weights of the file from the values they have there.
 * @param match names of weights, or patterns that they contain
 * @throws DualtailError when nothing matches, or something that is not float32 or has a low-rank update
 */
export function markTrainable(model: TrainableModel, match: Match): TrainableModel {
  const own = model.weights.filter(({ name }) => matches(match, name));
  const floats = model.weights.filter(({ dtype, shape }) => dtype === "float32" && sizeOf(shape) > 1);
  if (own.length === 0) {
    throw new DualtailError(`no weight of the model is called ${String(match)}`, {
      hint: listed(
        "its weights of floats are",
        floats.map(({ name }) => name),
      ),
    });
  }
  const other = own.find(({ dtype }) => dtype !== "float32");
  if (other) {
    throw new DualtailError(
      `the weight "${other.name}" is ${other.dtype}, and float32 is what can be trained`,
      {
        hint: "match fewer weights, or export the model in float32",
      },
    );
  }
  const updated = own.find(({ name }) => model.lora.some((site) => site.weight === name));
  if (updated) throw trainedAlready(updated.name);
  return { ...model, trainable: new Set([...model.trainable, ...own.map(({ name }) => name)]) };
}

/** Saving merges an update into the weight, which cannot be trained beside it. */
export const trainedAlready = (weight: string): DualtailError =>
  new DualtailError(`the weight "${weight}" is trained already`, {
    hint: "train a weight itself, or a low-rank update of it",
  });

/** "its weights are: a, b, … (12 in all)" */
export function listed(what: string, names: readonly string[], most = 20): string {
  const more = names.length > most ? `, … (${names.length} in all)` : "";
  return `${what}: ${names.slice(0, most).join(", ") || "none"}${more}`;
}

/**
 * Puts a new last layer on a model, in the place of one that was made for other classes. It starts at zero, so that all
 * classes are equal before the first step.
 * @throws DualtailError for a tensor that is not [B, F] of floats
 */
export function addHead(
  model: TrainableModel,
  head: Omit<ModelHead, "output"> & { output?: string },
): TrainableModel {
  const { from, classes, output = "logits" } = head;
  const features = model.parsed.values.get(from);
  if (features?.shape.length !== 2 || features.dtype !== "float32") {
    const fitting = [...model.parsed.values].filter(
      ([name, { shape, dtype }]) =>
        shape.length === 2 && dtype === "float32" && !model.parsed.weights.has(name),
    );
    const found = features === undefined ? "is not in the model" : `is ${describeValue(features)}`;
    throw new DualtailError(`the tensor "${from}" ${found}, and a head is put on float32[batch,features]`, {
      hint: listed("such tensors are", fitting.map(([name]) => name).reverse()),
    });
  }
  if (model.parsed.values.has(output)) {
    throw new DualtailError(`the model has a tensor called "${output}" already`, {
      hint: "choose another name with output",
    });
  }
  return { ...model, head: { from, classes, output } };
}

import { open } from "node:fs/promises";
import { resolve } from "node:path";
import { DualtailError } from "../../errors.ts";
import { type DType, encodeModel, type OnnxModel, type OnnxTensor } from "../../graph/index.ts";
import { bfloatsToFloats, halvesToFloats } from "../../models/checkpoint/half.ts";
import { cannotOpen, readExactly } from "../../models/checkpoint/safetensors-header.ts";

/** Protobuf's own limit on one message. */
export const LARGEST_FILE = 2 ** 31 - 1;

/** Tensors below this size stay in the model itself: shapes must be known before other files are read. */
const SMALL = 1024;
/** Offsets that can be mapped into memory. */
const PAGE = 4096;
/** onnx.TensorProto.DataLocation.EXTERNAL */
const EXTERNAL = 1;

/** A model's tensor whose bytes are read when they are needed. */
interface Weight {
  readonly tensor: OnnxTensor;
  /** Bytes as they are written. */
  readonly length: number;
  read(): Promise<Uint8Array>;
}

/**
 * A model with all of its weights inside.
 * @param widened half-precision weights that the model takes as float32
 * @throws DualtailError when that is more than a protobuf file can hold; FileError for a checkpoint that cannot be read
 */
export async function embedWeights(
  model: OnnxModel,
  widened: ReadonlyMap<string, DType>,
): Promise<OnnxModel> {
  const weights = weightsOf(model, widened);
  const bytes = total(weights) + sizeWithoutWeights(model);
  if (bytes > LARGEST_FILE) {
    throw new DualtailError(
      `the model has ${(bytes / 2 ** 30).toFixed(1)} GiB of weights, and one ONNX file holds at most 2 GiB`,
      { hint: "write the weights to a file of their own with --external-data" },
    );
  }
  const initializer: OnnxTensor[] = [];
  for (const { tensor, read } of weights) initializer.push({ ...bare(tensor), rawData: await read() });
  return { ...model, graph: { ...model.graph, initializer } };
}

const total = (weights: readonly Weight[]): number => weights.reduce((sum, { length }) => sum + length, 0);

/** Bytes of a model's weights as they are written. */
export const weightBytes = (model: OnnxModel, widened: ReadonlyMap<string, DType>): number =>
  total(weightsOf(model, widened));

export interface ExternalWeights {
  readonly model: OnnxModel;
  /** What the file beside the model holds, in order. */
  chunks(): AsyncIterable<Uint8Array>;
  readonly bytes: number;
}

/** A model whose larger weights are in a file of the given name beside it. */
export async function externalWeights(
  model: OnnxModel,
  widened: ReadonlyMap<string, DType>,
  fileName: string,
): Promise<ExternalWeights> {
  const initializer: OnnxTensor[] = [];
  const outside: { readonly at: number; readonly weight: Weight }[] = [];
  let end = 0;
  for (const weight of weightsOf(model, widened)) {
    const { tensor, length, read } = weight;
    if (length < SMALL) {
      initializer.push({ ...bare(tensor), rawData: await read() });
      continue;
    }
    const at = Math.ceil(end / PAGE) * PAGE;
    end = at + length;
    outside.push({ at, weight });
    const entries = { location: fileName, offset: at, length };
    initializer.push({
      ...bare(tensor),
      dataLocation: EXTERNAL,
      externalData: Object.entries(entries).map(([key, value]) => ({ key, value: String(value) })),
    });
  }
  return {
    model: { ...model, graph: { ...model.graph, initializer } },
    bytes: end,
    async *chunks() {
      let written = 0;
      for (const { at, weight } of outside) {
        if (at > written) yield new Uint8Array(at - written);
        yield await weight.read();
        written = at + weight.length;
      }
    },
  };
}

function weightsOf({ graph }: OnnxModel, widened: ReadonlyMap<string, DType>): Weight[] {
  return (graph.initializer ?? []).map((tensor): Weight => {
    if (tensor.dataLocation !== EXTERNAL) {
      const data = tensor.rawData!;
      return { tensor, length: data.byteLength, read: async () => data };
    }
    const entry = new Map((tensor.externalData ?? []).map(({ key, value }) => [key, value]));
    // The graph names files relative to the root of the file system.
    const file = resolve("/", entry.get("location")!);
    const [offset, stored] = [Number(entry.get("offset")), Number(entry.get("length"))];
    const half = widened.get(tensor.name!);
    return {
      tensor,
      length: half === undefined ? stored : 2 * stored,
      async read() {
        const bytes = await readRange(file, offset, stored);
        return half === undefined ? bytes : widen(bytes, half);
      },
    };
  });
}

async function readRange(file: string, offset: number, length: number): Promise<Uint8Array> {
  const handle = await open(file, "r").catch((cause: unknown) => {
    throw cannotOpen(file, cause);
  });
  try {
    return await readExactly(handle, file, offset, length);
  } finally {
    await handle.close();
  }
}

function widen(bytes: Uint8Array, half: DType): Uint8Array {
  const bits = new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 2);
  return new Uint8Array((half === "float16" ? halvesToFloats(bits) : bfloatsToFloats(bits)).buffer);
}

/** Name, type and shape. */
const bare = ({ name, dims, dataType }: OnnxTensor): OnnxTensor => ({ name, dims, dataType });

const sizeWithoutWeights = (model: OnnxModel): number => {
  const initializer = (model.graph.initializer ?? []).map(bare);
  return encodeModel({ ...model, graph: { ...model.graph, initializer } }).byteLength;
};

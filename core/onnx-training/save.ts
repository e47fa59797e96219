import { DualtailError } from "../errors.ts";
import { encodeModel, type OnnxModel, readRange, readTensor } from "../graph/index.ts";
import { writeAtomically } from "../models/checkpoint/write-atomically.ts";
import { loraNames, mergedWeight } from "./lora.ts";
import type { TrainableModel } from "./model.ts";
import { tensorOf, weightValues } from "./weights.ts";

type Tensor = NonNullable<OnnxModel["graph"]["initializer"]>[number];

/** Protobuf's own limit on one message. */
const LARGEST_FILE = 2 ** 31 - 1;
const [FLOAT, GEMM_INPUTS] = [1, 3];

const bytesOf = (data: Float32Array): Uint8Array =>
  new Uint8Array(data.buffer, data.byteOffset, data.byteLength);

const floats = (name: string, dims: readonly number[], data: Float32Array): Tensor => ({
  name,
  dims: [...dims],
  dataType: FLOAT,
  rawData: bytesOf(data),
});

/**
 * Writes the model with its trained weights: the file as it came (operators, open dimensions, metadata), the weights
 * replaced, updates of LoRA merged into them, a new head at its end. Weights of other files go into this one.
 * @throws DualtailError when that is more than one file can hold; FileError when it cannot be written
 */
export async function saveOnnx(
  model: TrainableModel,
  params: ReadonlyMap<string, Float32Array>,
  file: string,
): Promise<void> {
  const trained = await trainedWeights(model, params);
  const { graph } = model.message;
  const initializer = (graph.initializer ?? []).map((tensor) =>
    embedded(tensor, trained.get(tensor.name ?? ""), model),
  );
  const node = (graph.node ?? []).map((one) => {
    const data = one.opType === "Constant" ? trained.get(one.output?.[0] ?? "") : undefined;
    if (data === undefined) return one;
    const attribute = one.attribute!.map((a) =>
      a.name === "value" ? { ...a, t: embedded(a.t!, data, model) } : a,
    );
    return { ...one, attribute };
  });
  const added = headParts(model, params);
  const bytes = [...initializer, ...added.initializer].reduce(
    (sum, { rawData }) => sum + (rawData?.length ?? 0),
    0,
  );
  if (bytes > LARGEST_FILE) {
    throw new DualtailError(
      `the model has ${(bytes / 2 ** 30).toFixed(1)} GiB of weights, and one ONNX file holds 2 GiB`,
    );
  }
  const whole: OnnxModel = {
    ...model.message,
    graph: {
      ...graph,
      node: [...node, ...added.node],
      initializer: [...initializer, ...added.initializer],
      output: [...(graph.output ?? []), ...added.output],
    },
  };
  await writeAtomically(file, [encodeModel(whole)]);
}

/** What trained weights are in the file, by their names there. */
async function trainedWeights(
  model: TrainableModel,
  params: ReadonlyMap<string, Float32Array>,
): Promise<Map<string, Float32Array>> {
  const trained = new Map<string, Float32Array>();
  for (const name of model.trainable) trained.set(name, params.get(name)!);
  for (const site of model.lora) {
    // Several products with one weight share its update.
    if (trained.has(site.weight)) continue;
    const { a, b } = loraNames(site.weight);
    const update = { a: params.get(a)!, b: params.get(b)! };
    trained.set(site.weight, mergedWeight(await weightValues(model, site.weight), site, update));
  }
  return trained;
}

/** A tensor inside of the model, with other values if there are any. */
function embedded(tensor: Tensor, data: Float32Array | undefined, { folder }: TrainableModel): Tensor {
  const { name, dims, dataType } = tensor;
  if (data !== undefined) return { name, dims, dataType, rawData: bytesOf(data) };
  if (!tensor.externalData?.length) return tensor;
  const { content } = readTensor(tensor, name ?? "", folder);
  if (content.kind === "data") {
    const { buffer, byteOffset, byteLength } = content.data;
    return { name, dims, dataType, rawData: new Uint8Array(buffer, byteOffset, byteLength) };
  }
  return { name, dims, dataType, rawData: readRange(content.file, content.offset, content.length) };
}

function headParts({ head, message, parsed }: TrainableModel, params: ReadonlyMap<string, Float32Array>) {
  if (head === undefined) return { node: [], initializer: [], output: [] };
  const { from, classes, output } = head;
  const names = [from, `${output}.weight`, `${output}.bias`];
  const width = parsed.values.get(from)!.shape[1]!;
  const batch = message.graph.input?.find(({ name }) => !tensorOf(message, name ?? ""))?.type?.tensorType
    ?.shape?.dim?.[0];
  return {
    node: [
      {
        name: output,
        opType: "Gemm",
        domain: "",
        input: names.slice(0, GEMM_INPUTS),
        output: [output],
        attribute: [{ name: "transB", type: 2, i: 1 }],
      },
    ],
    initializer: [
      floats(names[1]!, [classes, width], params.get(names[1]!)!),
      floats(names[2]!, [classes], params.get(names[2]!)!),
    ],
    output: [
      {
        name: output,
        type: { tensorType: { elemType: FLOAT, shape: { dim: [batch ?? {}, { dimValue: classes }] } } },
      },
    ],
  };
}

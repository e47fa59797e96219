import { DualtailError } from "../errors.ts";
import { type OnnxModel, readRange, readTensor } from "../graph/index.ts";
import type { TrainableModel } from "./model.ts";

type Tensor = NonNullable<OnnxModel["graph"]["initializer"]>[number];

/** The tensor that holds a weight: an initializer, or what a Constant node says. */
export function tensorOf({ graph }: OnnxModel, name: string): Tensor | undefined {
  const initializer = graph.initializer?.find((tensor) => tensor.name === name);
  if (initializer) return initializer;
  const node = graph.node?.find(({ opType, output }) => opType === "Constant" && output?.[0] === name);
  return node?.attribute?.find((attribute) => attribute.name === "value")?.t ?? undefined;
}

/** A weight's values in the file. @throws FileError when they are in another file that cannot be read */
export async function weightValues(
  { message, folder }: Pick<TrainableModel, "message" | "folder">,
  name: string,
): Promise<Float32Array> {
  const tensor = tensorOf(message, name);
  if (tensor === undefined) throw new DualtailError(`the model has no weight "${name}"`);
  const { dtype, content } = readTensor(tensor, name, folder);
  if (dtype !== "float32") throw new DualtailError(`the weight "${name}" is ${dtype}, not float32`);
  if (content.kind === "data") return Float32Array.from(content.data as Float32Array);
  const bytes = readRange(content.file, content.offset, content.length);
  return new Float32Array(bytes.buffer, 0, bytes.byteLength / 4);
}

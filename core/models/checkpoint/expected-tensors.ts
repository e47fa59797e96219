import { FileError } from "../../errors.ts";
import type { ClipConfig } from "./clip-config.ts";
import type { SafetensorsEntry } from "./safetensors-header.ts";

/** Names and shapes of the tensors that a CLIPModel with this config has. */
export function expectedTensors({ vision, text, projectionDim }: ClipConfig): Map<string, readonly number[]> {
  const patches = (vision.imageSize / vision.patchSize) ** 2;
  const out = new Map<string, readonly number[]>([
    ["logit_scale", []],
    ["visual_projection.weight", [projectionDim, vision.width]],
    ["text_projection.weight", [projectionDim, text.width]],
    ["vision_model.embeddings.class_embedding", [vision.width]],
    [
      "vision_model.embeddings.patch_embedding.weight",
      [vision.width, vision.channels, vision.patchSize, vision.patchSize],
    ],
    ["vision_model.embeddings.position_embedding.weight", [patches + 1, vision.width]],
    ["text_model.embeddings.token_embedding.weight", [text.vocabSize, text.width]],
    ["text_model.embeddings.position_embedding.weight", [text.contextLength, text.width]],
  ]);
  const affine = (name: string, ...shape: number[]) =>
    out.set(`${name}.weight`, shape).set(`${name}.bias`, shape.slice(0, 1));
  affine("vision_model.pre_layrnorm", vision.width);
  affine("vision_model.post_layernorm", vision.width);
  affine("text_model.final_layer_norm", text.width);
  for (const [model, { layers, width, mlpWidth }] of [
    ["vision_model", vision],
    ["text_model", text],
  ] as const) {
    for (let layer = 0; layer < layers; layer++) {
      const block = `${model}.encoder.layers.${layer}`;
      affine(`${block}.layer_norm1`, width);
      affine(`${block}.layer_norm2`, width);
      for (const part of ["q_proj", "k_proj", "v_proj", "out_proj"])
        affine(`${block}.self_attn.${part}`, width, width);
      affine(`${block}.mlp.fc1`, mlpWidth, width);
      affine(`${block}.mlp.fc2`, width, mlpWidth);
    }
  }
  return out;
}

/** Buffers that old checkpoints carry and that are no weights. */
const isBuffer = (name: string): boolean => name.endsWith(".position_ids");
const isOneElement = (shape: readonly number[]): boolean => shape.every((size) => size === 1);

/**
 * Compares what a config implies with what the weights' header says.
 * @throws FileError listing every tensor that is missing, unexpected or of another shape
 */
export function checkTensors(
  file: string,
  tensors: ReadonlyMap<string, Pick<SafetensorsEntry, "shape">>,
  {
    expected,
    configFile,
    model,
  }: {
    readonly expected: ReadonlyMap<string, readonly number[]>;
    readonly configFile: string;
    /** What the layout calls its model. */
    readonly model: string;
  },
): void {
  const problems: string[] = [];
  const missing = [...expected.keys()].filter((name) => !tensors.has(name));
  const unexpected = [...tensors.keys()].filter((name) => !expected.has(name) && !isBuffer(name));
  const mismatched = [...expected].flatMap(([name, shape]) => {
    const found = tensors.get(name)?.shape;
    const same =
      found === undefined || `${found}` === `${shape}` || (shape.length === 0 && isOneElement(found));
    return same ? [] : [`${name} is [${found}] and should be [${shape}]`];
  });
  if (missing.length > 0) problems.push(`missing: ${list(missing)}`);
  if (unexpected.length > 0) problems.push(`unexpected: ${list(unexpected)}`);
  if (mismatched.length > 0)
    problems.push(`of another shape than ${configFile} implies: ${list(mismatched)}`);
  if (problems.length === 0) return;
  throw new FileError(
    file,
    `does not hold the weights of the ${model} that ${configFile} describes; ${problems.join("; ")}`,
    { hint: `${configFile} and the weights must come from the same checkpoint` },
  );
}

const MOST_NAMED = 8;

const list = (names: readonly string[]): string => {
  const more = names.length - MOST_NAMED;
  return names.slice(0, MOST_NAMED).join(", ") + (more > 0 ? ` and ${more} more` : "");
};

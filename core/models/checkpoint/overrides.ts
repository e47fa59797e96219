import { DualtailError } from "../../errors.ts";
import type { LocateTensor } from "../frozen-weights.ts";
import { readWeight } from "../read-weight.ts";
import type { CheckpointContent } from "./layout.ts";
import type { Preprocessor } from "./preprocessor-config.ts";
import { resizePositions } from "./resize-positions.ts";

/** What a checkpoint is used with instead of what its config says. */
export interface CheckpointOverrides {
  /** Side of the images in pixels, a multiple of the patches'; position embeddings and preprocessing follow. */
  readonly imageSize?: number | undefined;
  /** Activation of both towers' MLPs, e.g. "quick_gelu". */
  readonly activation?: string | undefined;
}

const POSITIONS = "vision_model.embeddings.position_embedding.weight";

/** @throws DualtailError for a size that patches do not divide */
export async function applyOverrides(
  content: CheckpointContent,
  { imageSize, activation }: CheckpointOverrides,
): Promise<CheckpointContent> {
  const sized =
    imageSize === undefined || imageSize === content.config.vision.imageSize
      ? content
      : await withImageSize(content, imageSize);
  if (activation === undefined) return sized;
  const { vision, text, projectionDim } = sized.config;
  return {
    ...sized,
    config: { projectionDim, vision: { ...vision, activation }, text: { ...text, activation } },
  };
}

async function withImageSize(content: CheckpointContent, imageSize: number): Promise<CheckpointContent> {
  const { config, preprocessor, locate } = content;
  const { patchSize, imageSize: own, width } = config.vision;
  const side = imageSize / patchSize;
  if (!Number.isInteger(side) || side < 1) {
    const below = Math.max(1, Math.floor(side)) * patchSize;
    throw new DualtailError(
      `images of ${imageSize} pixels cannot be cut into patches of ${patchSize} pixels`,
      {
        hint: `give an image size that is a multiple of ${patchSize}, such as ${below} or ${below + patchSize}`,
      },
    );
  }
  const stored = locate(POSITIONS);
  const data = resizePositions(await readWeight(stored), width, own / patchSize, side);
  const resized = { ...stored, dtype: "float32", shape: [side * side + 1, width], data } as const;
  const withPositions: LocateTensor = (name) => (name === POSITIONS ? resized : locate(name));
  return {
    ...content,
    config: { ...config, vision: { ...config.vision, imageSize } },
    preprocessor: scaled(preprocessor, imageSize),
    locate: withPositions,
  };
}

/** The same preprocessing for images of another size: what was scaled to and cut grows alike. */
function scaled(preprocessor: Preprocessor, imageSize: number): Preprocessor {
  const { resize, crop, imageSize: own } = preprocessor;
  const grow = (length: number): number => Math.round((length * imageSize) / own);
  return {
    ...preprocessor,
    imageSize,
    resize:
      resize &&
      ("height" in resize
        ? { height: grow(resize.height), width: grow(resize.width) }
        : { shortestEdge: grow(resize.shortestEdge) }),
    crop: crop && { height: imageSize, width: imageSize },
  };
}

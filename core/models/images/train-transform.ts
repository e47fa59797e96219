import type { Filter, Preprocessor } from "../checkpoint/preprocessor-config.ts";
import type { Box } from "./resample.ts";
import { finishOf, planned, type Size, type Transform, type Uniform } from "./transform.ts";

export interface TrainTransformOptions {
  /** Share of the image's area that is kept, from … to; default 0.08 to 1. */
  readonly scale?: readonly [number, number];
  /** Width over height of what is kept, from … to; default 3/4 to 4/3. */
  readonly ratio?: readonly [number, number];
  /** Probability of a horizontal flip; default 0.5. */
  readonly flip?: number;
  /** Default bilinear, as in LIFT. */
  readonly filter?: Filter;
}

/**
 * RandomResizedCrop and horizontal flip, then the checkpoint's normalisation. The crop is torchvision's: area and log
 * ratio uniform, ten tries, then the largest centred crop within the ratios.
 */
export function trainTransform(preprocessor: Preprocessor, options: TrainTransformOptions = {}): Transform {
  const { scale = [0.08, 1], ratio = [3 / 4, 4 / 3], flip = 0.5, filter = "bilinear" } = options;
  const { imageSize: side } = preprocessor;
  return planned({
    finish: finishOf(preprocessor, filter),
    place(size, uniform) {
      const box = randomBox(size, scale, ratio, uniform);
      return [{ box, width: side, height: side, left: 0, top: 0, mirrored: uniform() < flip }];
    },
  });
}

const TRIES = 10;

function randomBox(
  { width, height }: Size,
  scale: readonly [number, number],
  ratio: readonly [number, number],
  uniform: Uniform,
): Box {
  const between = (low: number, high: number): number => low + (high - low) * uniform();
  for (let i = 0; i < TRIES; i++) {
    const area = width * height * between(...scale);
    const aspect = Math.exp(between(Math.log(ratio[0]), Math.log(ratio[1])));
    const w = Math.round(Math.sqrt(area * aspect));
    const h = Math.round(Math.sqrt(area / aspect));
    if (w < 1 || h < 1 || w > width || h > height) continue;
    const top = Math.floor(uniform() * (height - h + 1));
    const left = Math.floor(uniform() * (width - w + 1));
    return { left, top, width: w, height: h };
  }
  return centredBox(width, height, ratio);
}

function centredBox(width: number, height: number, [low, high]: readonly [number, number]): Box {
  const whole = width / height;
  const w = whole > high ? Math.round(height * high) : width;
  const h = whole < low ? Math.round(width / low) : height;
  return { left: Math.floor((width - w) / 2), top: Math.floor((height - h) / 2), width: w, height: h };
}

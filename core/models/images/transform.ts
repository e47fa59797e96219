import type { Filter, Preprocessor } from "../checkpoint/preprocessor-config.ts";
import type { DecodedImage } from "./decoded-image.ts";
import { createRenderer } from "./render.ts";
import type { Box } from "./resample.ts";

/** A source of uniform random numbers in [0, 1). */
export type Uniform = () => number;

export interface Size {
  readonly width: number;
  readonly height: number;
}

/** What is taken of an image, upright and decoded, for one input of the tower. Plain data: it goes to workers. */
export interface Placement {
  /** Part of the image that is scaled … */
  readonly box: Box;
  /** … to this size. */
  readonly width: number;
  readonly height: number;
  /** Upper left corner of the tower's square in what was scaled; where it lies outside, the square is black. */
  readonly left: number;
  readonly top: number;
  readonly mirrored: boolean;
}

/** How pixels become numbers: the same for every image. Plain data as well. */
export interface Finish extends Pick<Preprocessor, "channels" | "imageSize" | "rescale" | "mean" | "std"> {
  readonly filter: Filter;
}

/** A transform in two halves: where to look, which needs the image's size and draws random numbers, and the pixels. */
export interface TransformPlan {
  readonly finish: Finish;
  /** One for every input that is made of an image; their count does not depend on the image. */
  place(size: Size, uniform: Uniform): readonly Placement[];
}

/**
 * Turns a decoded image into a tower's input [channels × size × size] (of several crops, one after another), written
 * into `out`. A random transform draws from `uniform` and from nothing else.
 */
export interface Transform {
  (image: DecodedImage, out: Float32Array, uniform: Uniform): void;
  /** What lets workers do it; a transform without runs on the calling thread. */
  readonly plan?: TransformPlan;
}

/** The transform of a plan. */
export function planned(plan: TransformPlan): Transform {
  const render = createRenderer(plan.finish);
  const transform = (image: DecodedImage, out: Float32Array, uniform: Uniform): void =>
    render(image, plan.place(image, uniform), out);
  return Object.assign(transform, { plan });
}

/** `preprocessor`'s way to numbers, with another filter where one is given. */
export const finishOf = (
  { channels, imageSize, rescale, mean, std, filter: own }: Preprocessor,
  filter: Filter = own,
): Finish => ({ channels, imageSize, rescale, mean, std, filter });

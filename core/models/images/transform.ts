import type { DecodedImage } from "./decoded-image.ts";

/** A source of uniform random numbers in [0, 1). */
export type Uniform = () => number;

/**
 * Turns a decoded image into a tower's input [channels × size × size], written into `out`. A random transform draws
 * from `uniform` and from nothing else.
 */
export type Transform = (image: DecodedImage, out: Float32Array, uniform: Uniform) => void;

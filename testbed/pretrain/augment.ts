import type { Uniform } from "../../core/training/random.ts";

/**
 * Draws a random similarity of a square grey image into `out` (also square), bilinearly and over white: scale, turn
 * and shift keep an icon what it is, a mirror would not (arrow-left).
 */
export function augmentInto(
  image: Uint8Array,
  side: number,
  out: Float32Array,
  outSide: number,
  offset: number,
  uniform: Uniform,
): void {
  const zoom = 0.8 + 0.4 * uniform();
  const stretch = 0.9 + 0.2 * uniform();
  const angle = (uniform() - 0.5) * 0.35;
  const shift = () => (uniform() - 0.5) * 0.16 * side;
  const [dx, dy] = [shift(), shift()];
  const ratio = side / outSide / zoom;
  const [cos, sin] = [Math.cos(angle) * ratio, Math.sin(angle) * ratio];
  const centre = (side - 1) / 2;
  const outCentre = (outSide - 1) / 2;
  for (let y = 0; y < outSide; y++) {
    for (let x = 0; x < outSide; x++) {
      const u = (x - outCentre) * stretch;
      const v = (y - outCentre) / stretch;
      const value = sample(image, side, cos * u - sin * v + centre + dx, sin * u + cos * v + centre + dy);
      out[offset + y * outSide + x] = normalizePixel(value);
    }
  }
}

/** Mean and standard deviation written to preprocessor_config.json: white is 1 − mean. */
export const pixelMean = 0.75;
export const pixelStd = 0.4;
export const normalizePixel = (value: number): number => (value / 255 - pixelMean) / pixelStd;

function sample(image: Uint8Array, side: number, x: number, y: number): number {
  const [x0, y0] = [Math.floor(x), Math.floor(y)];
  const [fx, fy] = [x - x0, y - y0];
  const at = (px: number, py: number) =>
    px < 0 || py < 0 || px >= side || py >= side ? 255 : image[py * side + px]!;
  const top = at(x0, y0) * (1 - fx) + at(x0 + 1, y0) * fx;
  const bottom = at(x0, y0 + 1) * (1 - fx) + at(x0 + 1, y0 + 1) * fx;
  return top * (1 - fy) + bottom * fy;
}

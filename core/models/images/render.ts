import type { DecodedImage } from "./decoded-image.ts";
import { createNormalise } from "./normalise.ts";
import { type Box, createScratch, neededPart, resample } from "./resample.ts";
import type { Finish, Placement, Size } from "./transform.ts";

/**
 * Writes what the placements take of an image into `out`, one after another. `origin` is where the image lies in the one
 * that the placements mean, when it is only a part of it.
 */
export type Render = (
  image: DecodedImage,
  placements: readonly Placement[],
  out: Float32Array,
  origin?: { readonly left: number; readonly top: number },
) => void;

/** Holds tables and working memory for a series of images. */
export function createRenderer(finish: Finish): Render {
  const { channels, imageSize: side, filter } = finish;
  const normalise = createNormalise(finish);
  const scratch = createScratch();
  const perPlacement = channels * side * side;
  const canvas = new Uint8Array(perPlacement);
  return (image, placements, out, origin = { left: 0, top: 0 }) => {
    for (const [i, { box, width, height, left, top, mirrored }] of placements.entries()) {
      const window = windowOf({ left, top, width, height }, side);
      const moved = { ...box, left: box.left - origin.left, top: box.top - origin.top };
      const pixels = resample(image, { box: moved, width, height, window, filter }, scratch);
      const whole = window.width === side && window.height === side;
      if (!whole) paste(pixels, window, { left, top }, canvas.fill(0), side, channels);
      normalise(whole ? pixels : canvas, out.subarray(i * perPlacement, (i + 1) * perPlacement), mirrored);
    }
  };
}

/** The part of an image that placements need: the smallest box around the pixels that count. */
export function partFor(placements: readonly Placement[], { imageSize: side, filter }: Finish): Box {
  let [left, top, right, bottom] = [Infinity, Infinity, 0, 0];
  for (const { box, ...scaled } of placements) {
    const part = neededPart({ box, ...scaled, window: windowOf(scaled, side), filter });
    left = Math.min(left, part.left);
    top = Math.min(top, part.top);
    right = Math.max(right, part.left + part.width);
    bottom = Math.max(bottom, part.top + part.height);
  }
  return { left, top, width: right - left, height: bottom - top };
}

/** What the square whose corner is at `left`, `top` has of what was scaled. */
function windowOf({ left, top, width, height }: { left: number; top: number } & Size, side: number): Box {
  const [x, y] = [Math.max(0, left), Math.max(0, top)];
  return {
    left: x,
    top: y,
    width: Math.min(width, left + side) - x,
    height: Math.min(height, top + side) - y,
  };
}

/** Puts the window's pixels where they lie within the square whose corner is at `corner`. */
function paste(
  pixels: Uint8Array,
  window: Box,
  corner: { readonly left: number; readonly top: number },
  canvas: Uint8Array,
  side: number,
  channels: number,
): void {
  const rowLength = window.width * channels;
  for (let y = 0; y < window.height; y++) {
    const at = ((window.top - corner.top + y) * side + window.left - corner.left) * channels;
    canvas.set(pixels.subarray(y * rowLength, (y + 1) * rowLength), at);
  }
}

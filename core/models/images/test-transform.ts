import { DualtailError } from "../../errors.ts";
import type { Preprocessor } from "../checkpoint/preprocessor-config.ts";
import type { DecodedImage } from "./decoded-image.ts";
import { createNormalise } from "./normalise.ts";
import { type Box, createScratch, resample } from "./resample.ts";
import type { Transform } from "./transform.ts";

/**
 * The checkpoint's own preprocessing, as transformers' CLIPImageProcessor does it: scale, cut from the centre,
 * normalise. Where the cut is larger than the image, the rest is black.
 */
export function testTransform(preprocessor: Preprocessor): Transform {
  const { channels, imageSize: side, crop, filter } = preprocessor;
  const normalise = createNormalise(preprocessor);
  const scratch = createScratch();
  const black = new Uint8Array(side * side * channels);
  return (image, out) => {
    const scaled = scaledSize(image, preprocessor);
    const cut = crop ?? scaled;
    if (cut.height !== side || cut.width !== side) {
      throw new DualtailError(
        `preprocessor_config.json makes ${cut.width}×${cut.height} pixels of an image of ${image.width}×${image.height}, but the tower takes ${side}×${side}`,
        { hint: "set do_center_crop, or give size a height and a width" },
      );
    }
    const left = Math.floor((scaled.width - side) / 2);
    const top = Math.floor((scaled.height - side) / 2);
    const window = intersect({ left, top, width: side, height: side }, scaled);
    const box = { left: 0, top: 0, width: image.width, height: image.height };
    const pixels = resample(image, { box, ...scaled, window, filter }, scratch);
    const whole = window.width === side && window.height === side;
    normalise(whole ? pixels : paste(pixels, window, { left, top }, black.slice(), side, channels), out);
  };
}

function scaledSize(
  { width, height }: DecodedImage,
  { resize }: Preprocessor,
): { width: number; height: number } {
  if (resize === undefined) return { width, height };
  if ("height" in resize) return { width: resize.width, height: resize.height };
  const { shortestEdge } = resize;
  const longest = Math.trunc((shortestEdge * Math.max(width, height)) / Math.min(width, height));
  return width <= height
    ? { width: shortestEdge, height: longest }
    : { width: longest, height: shortestEdge };
}

function intersect(box: Box, size: { width: number; height: number }): Box {
  const [left, top] = [Math.max(0, box.left), Math.max(0, box.top)];
  const width = Math.min(size.width, box.left + box.width) - left;
  return { left, top, width, height: Math.min(size.height, box.top + box.height) - top };
}

/** Puts the window's pixels where they lie within the square whose corner is at `corner`. */
function paste(
  pixels: Uint8Array,
  window: Box,
  corner: { left: number; top: number },
  canvas: Uint8Array,
  side: number,
  channels: number,
): Uint8Array {
  const rowLength = window.width * channels;
  for (let y = 0; y < window.height; y++) {
    const at = ((window.top - corner.top + y) * side + window.left - corner.left) * channels;
    canvas.set(pixels.subarray(y * rowLength, (y + 1) * rowLength), at);
  }
  return canvas;
}

import type { DecodedImage } from "./decoded-image.ts";
import type { Box } from "./resample.ts";

const EXTENSION = 0x21;
const GRAPHIC_CONTROL = 0xf9;
const IMAGE = 0x2c;
const HAS_TRANSPARENT = 1;

/** Of a GIF, what decoders disagree on. */
export interface GifFrame {
  /** The same file with its first frame opaque. */
  readonly bytes: Uint8Array;
  /** Part of the canvas that the frame covers. */
  readonly frame: Box;
  /** Colour of the rest: the transparent one, or else the background. */
  readonly fill: readonly [number, number, number];
}

export const isGif = (bytes: Uint8Array): boolean =>
  bytes[0] === 0x47 && bytes[1] === 0x49 && bytes[2] === 0x46 && bytes[3] === 0x38;

/**
 * Reads a GIF up to its first frame. libvips makes transparent pixels black, Pillow shows the palette's colour for them:
 * a frame that says it has none is shown alike by both. Undefined for a broken file: the decoder then says what is wrong.
 */
export function firstGifFrame(gif: Uint8Array): GifFrame | undefined {
  const bytes = gif.slice();
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 13 + paletteLength(bytes[10] ?? 0);
  let index = bytes[11];
  while (bytes[at] === EXTENSION) {
    if (bytes[at + 1] === GRAPHIC_CONTROL && bytes[at + 2] === 4 && bytes[at + 3]! & HAS_TRANSPARENT) {
      bytes[at + 3]! &= ~HAS_TRANSPARENT;
      index = bytes[at + 6];
    }
    at += 2;
    // Sub-blocks, each with its length before it; a length of 0 ends them.
    while (at < bytes.length && bytes[at] !== 0) at += bytes[at]! + 1;
    at++;
  }
  if (bytes[at] !== IMAGE || at + 10 > bytes.length || index === undefined) return undefined;
  const own = paletteLength(bytes[at + 9]!) > 0;
  const colour = (own ? at + 10 : 13) + 3 * index;
  const frame = {
    left: view.getUint16(at + 1, true),
    top: view.getUint16(at + 3, true),
    width: view.getUint16(at + 5, true),
    height: view.getUint16(at + 7, true),
  };
  return { bytes, frame, fill: [bytes[colour] ?? 0, bytes[colour + 1] ?? 0, bytes[colour + 2] ?? 0] };
}

/** Bytes of a colour table, by the packed field that announces it. */
const paletteLength = (packed: number): number => (packed & 0x80 ? 3 * 2 ** ((packed & 7) + 1) : 0);

/** Paints what the frame leaves of the canvas. */
export function fillAround({ data, width, height }: DecodedImage, { frame, fill }: GifFrame): void {
  const right = frame.left + frame.width;
  const bottom = frame.top + frame.height;
  if (frame.left === 0 && frame.top === 0 && right >= width && bottom >= height) return;
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++, at += 3) {
      if (x < frame.left || x >= right || y < frame.top || y >= bottom) data.set(fill, at);
    }
  }
}

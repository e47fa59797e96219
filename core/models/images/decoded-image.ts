/** An image in memory: interleaved rows of uint8, height × width × channels. */
export interface DecodedImage {
  readonly data: Uint8Array;
  readonly width: number;
  readonly height: number;
  readonly channels: 1 | 3;
}

/**
 * The largest image that is decoded, 8192 × 8192: a few kilobytes may unpack to gigabytes. (Pillow warns of a
 * decompression bomb from 89 million pixels on.)
 */
export const MOST_PIXELS = 2 ** 26;

/**
 * Grey of a colour image, ITU-R BT.601 luma on the encoded values, as Pillow's mode "L" has it (the weights are
 * multiplied by 2^16).
 */
export function toGrey(rgb: Uint8Array): Uint8Array {
  const grey = new Uint8Array(rgb.length / 3);
  for (let i = 0, j = 0; i < grey.length; i++, j += 3) {
    grey[i] = (rgb[j]! * 19595 + rgb[j + 1]! * 38470 + rgb[j + 2]! * 7471 + 0x8000) >> 16;
  }
  return grey;
}

/** A grey image as three equal channels. */
export function toColour(grey: Uint8Array): Uint8Array {
  const rgb = new Uint8Array(grey.length * 3);
  for (let i = 0, j = 0; i < grey.length; i++) {
    rgb[j++] = grey[i]!;
    rgb[j++] = grey[i]!;
    rgb[j++] = grey[i]!;
  }
  return rgb;
}

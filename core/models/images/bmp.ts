import { type DecodedImage, MOST_PIXELS } from "./decoded-image.ts";

/** A bitmap that is not what this reads, or is cut short. */
export class BmpError extends Error {}

export const isBmp = (bytes: Uint8Array): boolean => bytes[0] === 0x42 && bytes[1] === 0x4d;

const BI_RGB = 0;
const BI_BITFIELDS = 3;

interface Header {
  readonly width: number;
  readonly height: number;
  readonly topDown: boolean;
  readonly bits: number;
  readonly pixels: number;
  /** Four bytes per entry (three in the OS/2 header): blue, green, red. */
  readonly palette: { readonly at: number; readonly entry: number; readonly length: number };
}

/** Width and height of a Windows bitmap. @throws BmpError */
export const bmpSize = (bytes: Uint8Array): { width: number; height: number } => readHeader(bytes);

/**
 * Decodes an uncompressed Windows bitmap of 1, 4, 8, 24 or 32 bits, which libvips does not read; a fourth channel is
 * dropped. Sizes are checked against the file's length before anything is allocated.
 * @throws BmpError
 */
export function decodeBmp(bytes: Uint8Array): DecodedImage {
  const { width, height, topDown, bits, pixels, palette } = readHeader(bytes);
  const stride = Math.ceil((width * bits) / 32) * 4;
  if (pixels + stride * height > bytes.length) throw new BmpError("the bitmap is cut short");
  const data = new Uint8Array(width * height * 3);
  let at = 0;
  for (let y = 0; y < height; y++) {
    const row = pixels + (topDown ? y : height - 1 - y) * stride;
    for (let x = 0; x < width; x++, at += 3) {
      let from = row + (x * bits) / 8;
      if (bits <= 8) {
        const perByte = 8 / bits;
        const byte = bytes[row + Math.floor(x / perByte)]!;
        const index = (byte >> (8 - bits * ((x % perByte) + 1))) & (2 ** bits - 1);
        if (index >= palette.length)
          throw new BmpError(`colour ${index} is not in the palette of ${palette.length}`);
        from = palette.at + index * palette.entry;
      }
      data[at] = bytes[from + 2]!;
      data[at + 1] = bytes[from + 1]!;
      data[at + 2] = bytes[from]!;
    }
  }
  return { data, width, height, channels: 3 };
}

function readHeader(bytes: Uint8Array): Header {
  if (bytes.length < 26) throw new BmpError("the bitmap is cut short");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const size = view.getUint32(14, true);
  const old = size === 12;
  if (!old && (size < 40 || bytes.length < 54))
    throw new BmpError(`a bitmap header of ${size} bytes is not known`);
  const width = old ? view.getUint16(18, true) : view.getInt32(18, true);
  const signed = old ? view.getUint16(20, true) : view.getInt32(22, true);
  const bits = view.getUint16(old ? 24 : 28, true);
  const compression = old ? BI_RGB : view.getUint32(30, true);
  const height = Math.abs(signed);
  if (width <= 0 || height === 0 || width * height > MOST_PIXELS) {
    throw new BmpError(`a bitmap of ${width}×${height} pixels cannot be`);
  }
  if (![1, 4, 8, 24, 32].includes(bits)) throw new BmpError(`bitmaps of ${bits} bits per pixel are not read`);
  const masked = compression === BI_BITFIELDS && bits === 32 && plainMasks(view, size);
  if (compression !== BI_RGB && !masked) throw new BmpError("compressed bitmaps are not read");
  const told = old ? 0 : view.getUint32(46, true);
  const entry = old ? 3 : 4;
  const at = 14 + size;
  const length = Math.max(0, Math.min(told || 2 ** bits, Math.floor((bytes.length - at) / entry)));
  return {
    width,
    height,
    topDown: signed < 0,
    bits,
    pixels: view.getUint32(10, true),
    palette: { at, entry, length },
  };
}

/** Blue, green and red in the bytes where they are without masks. */
const plainMasks = (view: DataView, size: number): boolean =>
  view.byteLength >= 66 &&
  (size >= 52 || size === 40) &&
  view.getUint32(54, true) === 0xff0000 &&
  view.getUint32(58, true) === 0xff00 &&
  view.getUint32(62, true) === 0xff;

import { crc32, deflateSync } from "node:zlib";
import sharp, { type Sharp } from "sharp";
import { uniformFrom } from "../core/training/random.ts";

/** A valid image and how to make its header lie about its size. */
export interface SmallImage {
  readonly name: string;
  readonly bytes: Buffer;
  /** Writes another width and height where the format has them, whatever the pixels say. */
  readonly resize?: (bytes: Buffer, width: number, height: number) => void;
}

const [WIDTH, HEIGHT] = [19, 13];

/** Small images of every format that is read, in their variants. */
export async function makeImages(): Promise<SmallImage[]> {
  const uniform = uniformFrom("fuzz images");
  const noise = (channels: 1 | 3 | 4) =>
    sharp(Buffer.from(Array.from({ length: WIDTH * HEIGHT * channels }, () => uniform() * 256)), {
      raw: { width: WIDTH, height: HEIGHT, channels },
    });
  const [grey, colour, clear] = [noise(1), noise(3), noise(4)];
  const frames = sharp(await strip(noise), {
    raw: { width: WIDTH, height: 2 * HEIGHT, channels: 4, pageHeight: HEIGHT },
  });
  const made: [string, Sharp, SmallImage["resize"]][] = [
    ["jpeg", colour.clone().jpeg(), resizeJpeg],
    ["jpeg progressive", colour.clone().jpeg({ progressive: true }), resizeJpeg],
    ["jpeg grey", grey.clone().jpeg(), resizeJpeg],
    ["jpeg cmyk", colour.clone().toColourspace("cmyk").jpeg(), resizeJpeg],
    ["jpeg turned", colour.clone().withMetadata({ orientation: 6 }).jpeg(), resizeJpeg],
    ["png", colour.clone().png(), resizePng],
    ["png clear interlaced", clear.clone().png({ progressive: true }), resizePng],
    ["png palette", colour.clone().png({ palette: true, colours: 16 }), resizePng],
    ["png 16 bit", grey.clone().toColourspace("grey16").png(), resizePng],
    ["gif", colour.clone().gif(), resizeGif],
    ["gif animated", frames.clone().gif({ loop: 0 }), resizeGif],
    ["webp", clear.clone().webp(), resizeWebp],
    ["webp lossless", colour.clone().webp({ lossless: true }), undefined],
    ["webp animated", frames.clone().webp(), resizeWebp],
    ["tiff", colour.clone().tiff({ compression: "none" }), resizeTiff],
    ["tiff lzw", clear.clone().tiff({ compression: "lzw", predictor: "horizontal" }), resizeTiff],
    [
      "tiff tiled",
      grey.clone().tiff({ compression: "deflate", tile: true, tileWidth: 16, tileHeight: 16 }),
      resizeTiff,
    ],
  ];
  const encoded = made.map(async ([name, image, resize]) => ({
    name,
    bytes: await image.toBuffer(),
    ...(resize === undefined ? {} : { resize }),
  }));
  const bitmaps = ([1, 4, 8, 24, 32] as const).map((bits) => ({
    name: `bmp ${bits} bit`,
    bytes: bitmap(bits),
    resize: resizeBitmap,
  }));
  return [...(await Promise.all(encoded)), ...bitmaps];
}

/** Two frames one above the other, raw. */
const strip = async (noise: (channels: 4) => Sharp): Promise<Buffer> =>
  Buffer.concat(await Promise.all([noise(4), noise(4)].map((frame) => frame.raw().toBuffer())));

/** A PNG of one bit per pixel, all black: a few kilobytes for as many pixels as one likes. */
export function bomb(width: number, height: number): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header[8] = 1;
  const rows = Buffer.alloc(height * (Math.ceil(width / 8) + 1));
  const chunk = (type: string, data: Buffer) => {
    const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
    const out = Buffer.alloc(body.length + 8);
    out.writeUInt32BE(data.length);
    body.copy(out, 4);
    out.writeUInt32BE(crc32(body), body.length + 4);
    return out;
  };
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  return Buffer.concat([
    signature,
    chunk("IHDR", header),
    chunk("IDAT", deflateSync(rows)),
    chunk("IEND", Buffer.alloc(0)),
  ]);
}

function bitmap(bits: 1 | 4 | 8 | 24 | 32): Buffer {
  const palette = bits <= 8 ? 4 * 2 ** bits : 0;
  const stride = Math.ceil((WIDTH * bits) / 32) * 4;
  const out = Buffer.alloc(54 + palette + stride * HEIGHT);
  out.write("BM");
  out.writeUInt32LE(out.length, 2);
  out.writeUInt32LE(54 + palette, 10);
  out.writeUInt32LE(40, 14);
  out.writeInt32LE(WIDTH, 18);
  out.writeInt32LE(HEIGHT, 22);
  out.writeUInt16LE(1, 26);
  out.writeUInt16LE(bits, 28);
  const uniform = uniformFrom("fuzz bitmap", bits);
  for (let i = 54; i < out.length; i++) out[i] = uniform() * 256;
  return out;
}

const u16 = (value: number): number => value & 0xffff;

function resizeJpeg(bytes: Buffer, width: number, height: number): void {
  for (let at = 2; at + 9 < bytes.length; at += 2 + bytes.readUInt16BE(at + 2)) {
    const marker = bytes[at + 1]!;
    if (marker !== 0xc0 && marker !== 0xc2) continue;
    bytes.writeUInt16BE(u16(height), at + 5);
    bytes.writeUInt16BE(u16(width), at + 7);
    return;
  }
}

function resizePng(bytes: Buffer, width: number, height: number): void {
  bytes.writeUInt32BE(width >>> 0, 16);
  bytes.writeUInt32BE(height >>> 0, 20);
  // A wrong checksum would end it there.
  bytes.writeUInt32BE(crc32(bytes.subarray(12, 29)), 29);
}

/** Canvas, and the first frame where it is found. */
function resizeGif(bytes: Buffer, width: number, height: number): void {
  bytes.writeUInt16LE(u16(width), 6);
  bytes.writeUInt16LE(u16(height), 8);
  const frame = bytes.indexOf(Buffer.from([0x2c, 0, 0, 0, 0]));
  if (frame < 0) return;
  bytes.writeUInt16LE(u16(width), frame + 5);
  bytes.writeUInt16LE(u16(height), frame + 7);
}

/** VP8X: 24 bits each, less one; VP8: 14 bits each. */
function resizeWebp(bytes: Buffer, width: number, height: number): void {
  if (bytes.toString("latin1", 12, 16) === "VP8X") {
    bytes.writeUIntLE((width - 1) & 0xffffff, 24, 3);
    bytes.writeUIntLE((height - 1) & 0xffffff, 27, 3);
    return;
  }
  bytes.writeUInt16LE(width & 0x3fff, 26);
  bytes.writeUInt16LE(height & 0x3fff, 28);
}

/** Tags 256 and 257 of a little-endian file. */
function resizeTiff(bytes: Buffer, width: number, height: number): void {
  const directory = bytes.readUInt32LE(4);
  for (let i = 0; i < bytes.readUInt16LE(directory); i++) {
    const at = directory + 2 + 12 * i;
    const tag = bytes.readUInt16LE(at);
    if (tag !== 256 && tag !== 257) continue;
    bytes.writeUInt16LE(4, at + 2);
    bytes.writeUInt32LE((tag === 256 ? width : height) >>> 0, at + 8);
  }
}

function resizeBitmap(bytes: Buffer, width: number, height: number): void {
  bytes.writeInt32LE(width | 0, 18);
  bytes.writeInt32LE(height | 0, 22);
}

import type { Sharp } from "sharp";
import { FileError } from "../../errors.ts";
import type { ImageSource } from "../../plugin-api/dataset.ts";
import { bmpSize, decodeBmp, isBmp } from "./bmp.ts";
import { cmykToRgb } from "./cmyk.ts";
import { type DecodedImage, MOST_PIXELS, toColour, toGrey } from "./decoded-image.ts";
import { fillAround, firstGifFrame, isGif } from "./gif.ts";
import { checkLength, isJpeg, readJpegHeader } from "./jpeg-header.ts";
import { readBytes } from "./read-bytes.ts";
import type { Box } from "./resample.ts";

// Loaded with the first file, so that raw pixels and `--help` do not wait for it.
let loading: Promise<typeof import("sharp").default> | undefined;
const load = () =>
  (loading ??= import("sharp").then(({ default: sharp }) => {
    // Its cache goes by path and would show an overwritten file as it was.
    sharp.cache(false);
    // Images are decoded side by side; threads within one only get in the way.
    sharp.concurrency(1);
    return sharp;
  }));

/**
 * Decodes an image to what Pillow's `exif_transpose(image).convert("RGB")` (or "L") gives: turned upright, 8 bits,
 * transparency dropped and not blended, CMYK without a profile, 16-bit grey cut off at 255, colour profiles ignored, of
 * an animation the first frame.
 * @throws FileError naming the image when it is missing or does not decode
 */
export async function decodeImage(source: ImageSource, channels: 1 | 3): Promise<DecodedImage> {
  if (source.kind === "pixels") return convertPixels(source, channels);
  const { name, bytes } = await readBytes(source);
  return decodeBytes(name, bytes, channels);
}

/**
 * Decodes a compressed image. @param name what to call it in messages
 * @throws FileError naming the image when it does not decode
 */
export async function decodeBytes(name: string, bytes: Uint8Array, channels: 1 | 3): Promise<DecodedImage> {
  return reporting(name, async () => {
    if (isBmp(bytes)) return withChannels(decodeBmp(bytes), channels);
    if (isGif(bytes)) return decodeGif(bytes, channels);
    const image = await open(bytes);
    // Spares the common case a look at the metadata.
    if (isJpeg(bytes)) {
      const header = readJpegHeader(bytes);
      if (header) checkLength(header, bytes.length);
      return decodeWith(image, header?.components === 4 ? "cmyk" : "plain", channels);
    }
    const { space, depth, channels: bands } = await image.metadata();
    if (space === "cmyk") return decodeWith(image, "cmyk", channels);
    return decodeWith(image, depth === "ushort" && bands === 1 ? "deep grey" : "plain", channels);
  });
}

/**
 * Decodes a part of an upright JPEG of one or three components, and no more rows than that takes.
 * @throws FileError naming the image when it does not decode
 */
export async function decodeJpegPart(
  name: string,
  bytes: Uint8Array,
  part: Box,
  channels: 1 | 3,
): Promise<DecodedImage> {
  return reporting(name, async () => {
    const header = readJpegHeader(bytes);
    if (header) checkLength(header, bytes.length);
    return decodeWith((await open(bytes)).extract(part), "plain", channels);
  });
}

/** The size of an image once it is upright. @throws FileError naming the image when it has none */
export async function imageSize(name: string, bytes: Uint8Array): Promise<{ width: number; height: number }> {
  const jpeg = readJpegHeader(bytes);
  if (jpeg) {
    const { width, height, orientation } = jpeg;
    return orientation > 4 ? { width: height, height: width } : { width, height };
  }
  return reporting(name, async () => {
    if (isBmp(bytes)) return bmpSize(bytes);
    const { autoOrient } = await (await open(bytes)).metadata();
    return autoOrient;
  });
}

const open = async (bytes: Uint8Array): Promise<Sharp> =>
  (await load())(bytes, { failOn: "error", ignoreIcc: true, limitInputPixels: MOST_PIXELS });

async function decodeGif(bytes: Uint8Array, channels: 1 | 3): Promise<DecodedImage> {
  const first = firstGifFrame(bytes);
  const image = await decodeWith(await open(first?.bytes ?? bytes), "plain", 3);
  if (first) fillAround(image, first);
  return withChannels(image, channels);
}

async function decodeWith(
  image: Sharp,
  how: "plain" | "cmyk" | "deep grey",
  channels: 1 | 3,
): Promise<DecodedImage> {
  const upright = image.autoOrient();
  const { data, info } = await {
    plain: () => upright.removeAlpha().toColourspace("srgb").raw({ depth: "uchar" }),
    cmyk: () =>
      upright.removeAlpha().pipelineColourspace("cmyk").toColourspace("cmyk").raw({ depth: "uchar" }),
    "deep grey": () => upright.toColourspace("grey16").raw({ depth: "ushort" }),
  }
    [how]()
    .toBuffer({ resolveWithObject: true });
  const { width, height } = info;
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  if (how === "cmyk") return withChannels({ data: cmykToRgb(bytes), width, height, channels: 3 }, channels);
  const pixels =
    how === "plain" ? bytes : cutOff(new Uint16Array(data.buffer, data.byteOffset, data.length / 2));
  return withChannels({ data: pixels, width, height, channels: info.channels as 1 | 3 }, channels);
}

/** Pillow's conversion from mode "I;16": not the upper byte, but everything above 255 is white. */
const cutOff = (deep: Uint16Array): Uint8Array => Uint8Array.from(deep, (value) => Math.min(value, 255));

function convertPixels(source: Extract<ImageSource, { kind: "pixels" }>, channels: 1 | 3): DecodedImage {
  const { name, data, width, height } = source;
  const needed = width * height * source.channels;
  if (data.length !== needed) {
    throw new FileError(
      name,
      `${width}×${height}×${source.channels} pixels take ${needed} bytes, but it has ${data.length}`,
      { hint: "prepare the data set again" },
    );
  }
  return withChannels(source, channels);
}

function withChannels(image: DecodedImage, channels: 1 | 3): DecodedImage {
  const { data, width, height } = image;
  if (image.channels === channels) return { data, width, height, channels };
  return { data: channels === 1 ? toGrey(data) : toColour(data), width, height, channels };
}

/** @throws FileError for whatever a decoder throws */
async function reporting<T>(name: string, decode: () => Promise<T>): Promise<T> {
  try {
    return await decode();
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message.replace(/\s*\n\s*/g, "; ") : String(cause);
    throw new FileError(name, `does not decode as an image (${reason})`, {
      hint: "replace it or take it out of the data set",
      cause,
    });
  }
}

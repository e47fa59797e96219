import { access } from "node:fs/promises";
import { FileError } from "../../errors.ts";
import type { ImageSource } from "../../plugin-api/dataset.ts";
import { type DecodedImage, toColour, toGrey } from "./decoded-image.ts";

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
 * Decodes an image: turned upright (EXIF), 8 bits, transparency over white, grey or sRGB as `channels` asks. Colour
 * profiles are ignored, as they were in the models' training. Of an animation, the first frame.
 * @throws FileError naming the image when it is missing or does not decode
 */
export async function decodeImage(source: ImageSource, channels: 1 | 3): Promise<DecodedImage> {
  if (source.kind === "pixels") return convertPixels(source, channels);
  const { path } = source;
  const sharp = await load();
  try {
    const { data, info } = await sharp(path, { failOn: "error", ignoreIcc: true })
      .autoOrient()
      .flatten({ background: "#ffffff" })
      .toColourspace("srgb")
      .raw({ depth: "uchar" })
      .toBuffer({ resolveWithObject: true });
    const pixels = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    return {
      data: toChannels(pixels, info.channels as 1 | 3, channels),
      width: info.width,
      height: info.height,
      channels,
    };
  } catch (cause) {
    throw await explain(path, cause);
  }
}

function convertPixels(source: Extract<ImageSource, { kind: "pixels" }>, channels: 1 | 3): DecodedImage {
  const { name, data, width, height } = source;
  const needed = width * height * source.channels;
  if (data.length !== needed) {
    throw new FileError(
      name,
      `${width}×${height}×${source.channels} pixels take ${needed} bytes, but it has ${data.length}`,
      {
        hint: "prepare the data set again",
      },
    );
  }
  return { data: toChannels(data, source.channels, channels), width, height, channels };
}

function toChannels(data: Uint8Array, from: 1 | 3, to: 1 | 3): Uint8Array {
  if (from === to) return data;
  return to === 1 ? toGrey(data) : toColour(data);
}

async function explain(path: string, cause: unknown): Promise<FileError> {
  const missing = await access(path).then(
    () => false,
    () => true,
  );
  if (missing)
    return new FileError(path, "there is no such image, or it cannot be read", {
      hint: "check the path in the data set",
      cause,
    });
  const reason = cause instanceof Error ? cause.message.replace(/\s*\n\s*/g, "; ") : String(cause);
  return new FileError(path, `does not decode as an image (${reason})`, {
    hint: "replace it or take it out of the data set",
    cause,
  });
}

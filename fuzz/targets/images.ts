import { decodeBytes, decodeJpegPart, imageSize } from "../../core/models/images/decode.ts";
import type { DecodedImage } from "../../core/models/images/decoded-image.ts";
import { readJpegHeader } from "../../core/models/images/jpeg-header.ts";
import type { Box } from "../../core/models/images/resample.ts";
import { bomb, makeImages, type SmallImage } from "../images.ts";
import { mutateBytes } from "../mutate/bytes.ts";
import type { Random } from "../random.ts";
import { expectThat, type Target } from "../target.ts";

const SIDES = [
  0,
  1,
  2,
  7,
  18,
  20,
  255,
  4096,
  8192,
  9000,
  16383,
  16384,
  60000,
  65535,
  2 ** 24,
  2 ** 31 - 1,
  2 ** 31,
  2 ** 32 - 1,
  -13,
];

/** Small images of every format with broken bytes, lengths and sizes, and images that unpack to very many pixels. */
export const target: Target = {
  name: "images",
  async prepare() {
    const images = await makeImages();
    return async (random) => {
      const image = random.pick(images);
      const bytes = random.chance(0.01)
        ? bomb(pickSide(random), pickSide(random))
        : breakImage(random, image);
      const subject = `fuzzed ${image.name}`;
      const channels = random.pick([1, 3] as const);
      const corners = Array.from({ length: 4 }, () => random.below(1000));
      return {
        subject,
        async read() {
          const whole = await decodeBytes(subject, bytes, channels);
          checkPixels(whole, channels);
          const size = await imageSize(subject, bytes);
          expectThat(
            size.width === whole.width && size.height === whole.height,
            `said to be ${size.width}×${size.height}, decodes to ${whole.width}×${whole.height}`,
          );
          const header = readJpegHeader(bytes);
          // As the workers read a crop of a JPEG.
          if (header === undefined || header.orientation !== 1 || header.components === 4) return;
          const box = boxIn(size, corners);
          const part = await decodeJpegPart(subject, bytes, box, channels);
          checkPixels(part, channels);
          expectThat(part.width === box.width && part.height === box.height, "a part of another size");
          expectThat(
            Buffer.from(part.data).equals(cut(whole, box)),
            "a part with other pixels than the whole",
          );
        },
      };
    };
  },
};

const pickSide = (random: Random): number => random.pick([1, 100, 8000, 9000, 16000]);

function breakImage(random: Random, { bytes, resize }: SmallImage): Buffer {
  if (resize === undefined || random.chance(0.6)) return mutateBytes(random, bytes);
  const out = Buffer.from(bytes);
  resize(out, random.pick(SIDES), random.chance(0.5) ? random.pick(SIDES) : 13);
  return random.chance(0.3) ? mutateBytes(random, out) : out;
}

function checkPixels({ data, width, height, channels }: DecodedImage, asked: 1 | 3): void {
  expectThat(channels === asked, `${channels} channels instead of ${asked}`);
  expectThat(width >= 1 && height >= 1, `${width}×${height} pixels`);
  expectThat(
    data.length === width * height * channels,
    `${data.length} bytes for ${width}×${height}×${channels}`,
  );
}

/** A box from four numbers in [0, 1000). */
function boxIn(size: { width: number; height: number }, corners: readonly number[]): Box {
  const [x, y, right, below] = corners as [number, number, number, number];
  const at = (length: number, thousandth: number) => Math.floor((length * thousandth) / 1000);
  const [left, top] = [at(size.width, x), at(size.height, y)];
  return { left, top, width: 1 + at(size.width - left, right), height: 1 + at(size.height - top, below) };
}

function cut({ data, width, channels }: DecodedImage, box: Box): Buffer {
  const rows = Array.from({ length: box.height }, (_, y) => {
    const from = ((box.top + y) * width + box.left) * channels;
    return data.subarray(from, from + box.width * channels);
  });
  return Buffer.concat(rows);
}

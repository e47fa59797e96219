import sharp from "sharp";
import { decodeBytes, decodeJpegPart } from "../../core/models/images/decode.ts";
import type { DecodedImage } from "../../core/models/images/decoded-image.ts";
import { type ImageWorkers, trainTransform } from "../../core/models/images/index.ts";
import { readJpegHeader } from "../../core/models/images/jpeg-header.ts";
import { createNormalise } from "../../core/models/images/normalise.ts";
import { readFileHere } from "../../core/models/images/read-bytes.ts";
import { partFor } from "../../core/models/images/render.ts";
import {
  type Box,
  createScratch,
  type ResampleOptions,
  resample,
} from "../../core/models/images/resample.ts";
import type { Placement, TransformPlan } from "../../core/models/images/transform.ts";
import { uniformFrom } from "../../core/training/random.ts";
import { PREPROCESSOR } from "../jpeg/bench.ts";

/** One stage of preparing an image, or another way to do it. */
export interface Stage {
  readonly name: string;
  /** What it is instead of, where it is no part of the whole. */
  readonly insteadOf?: string;
  /** For all images at once: what waits for other threads would be measured alone otherwise. */
  readonly atOnce?: boolean;
  run(image: Prepared): Promise<void> | void;
}

/** What every stage of one image needs, made before anything is measured. */
export interface Prepared {
  readonly path: string;
  readonly bytes: Uint8Array;
  readonly placement: Placement;
  /** The part of the file that is decoded. */
  readonly part: Box;
  readonly decoded: DecodedImage;
  /** Resampling the part, and its two passes alone. */
  readonly both: ResampleOptions;
  readonly across: ResampleOptions;
  readonly down: ResampleOptions;
  /** After the pass along rows. */
  readonly narrowed: DecodedImage;
  readonly pixels: Uint8Array;
  /** A JPEG of 16 × 16 pixels. */
  readonly tiny: Uint8Array;
}

const { imageSize: SIDE, channels } = PREPROCESSOR;
const TINY = { left: 0, top: 0, width: 16, height: 16 };
const window = { left: 0, top: 0, width: SIDE, height: SIDE };

/** A file with a crop as training draws it. */
export async function prepare(path: string, index: number): Promise<Prepared> {
  const { finish, place } = trainTransform(PREPROCESSOR).plan as TransformPlan;
  const bytes = readFileHere(path);
  const header = readJpegHeader(bytes)!;
  const placements = place(header, uniformFrom("crop", index));
  const placement = placements[0]!;
  const part = partFor(placements, finish);
  const decoded = await decodeJpegPart(path, bytes, part, channels);
  const { filter } = finish;
  const box = { ...placement.box, left: placement.box.left - part.left, top: placement.box.top - part.top };
  const across = { box: whole(decoded), width: SIDE, height: decoded.height, filter };
  const acrossOnly = { ...across, window: { ...window, height: decoded.height } };
  const narrowed = {
    data: resample(decoded, acrossOnly, createScratch()).slice(),
    width: SIDE,
    height: decoded.height,
    channels,
  };
  const both = { box, width: SIDE, height: SIDE, window, filter };
  return {
    path,
    bytes,
    placement,
    part,
    decoded,
    both,
    across: acrossOnly,
    down: { ...both, box: whole(narrowed) },
    narrowed,
    pixels: resample(decoded, both, createScratch()).slice(),
    tiny: await sharp(bytes).resize(16, 16).jpeg().toBuffer(),
  };
}

const whole = ({ width, height }: DecodedImage): Box => ({ left: 0, top: 0, width, height });

/** The stages, in the order in which an image goes through them. */
export function createStages(workers: ImageWorkers): readonly Stage[] {
  const [simd, plain] = [createScratch(), createScratch({ simd: false })];
  const normalise = createNormalise(PREPROCESSOR);
  const out = new Float32Array(channels * SIDE * SIDE);
  const slot = new Float32Array(new SharedArrayBuffer(out.byteLength));
  const dot = new Float32Array(new SharedArrayBuffer(channels * Float32Array.BYTES_PER_ELEMENT));
  const pixel = { data: new Uint8Array(channels), width: 1, height: 1, channels } as const;
  const one = { left: 0, top: 0, width: 1, height: 1 };
  const nothing = {
    source: { kind: "decoded", name: "dot", image: pixel },
    placements: [{ ...one, box: one, mirrored: false }],
    finish: { ...PREPROCESSOR, imageSize: 1 },
    out: dot,
    keep: false,
  } as const;
  const decode = "decoding the part that counts (sharp)";
  const both = "resampling (WebAssembly)";
  const [rows, columns] = ["… along rows (WebAssembly)", "… along columns (WebAssembly)"];
  return [
    {
      name: "a message to a worker and back",
      atOnce: true,
      run: async () => void (await workers.render(nothing)),
    },
    { name: "reading the file", run: ({ path }) => void readFileHere(path) },
    {
      name: decode,
      run: async ({ path, bytes, part }) => void (await decodeJpegPart(path, bytes, part, channels)),
    },
    {
      name: "decoding the whole image",
      insteadOf: decode,
      run: async ({ path, bytes }) => void (await decodeBytes(path, bytes, channels)),
    },
    {
      name: "decoding 16 × 16 pixels",
      insteadOf: decode,
      run: async ({ path, tiny }) => void (await decodeJpegPart(path, tiny, TINY, channels)),
    },
    { name: both, run: (image) => void resample(image.decoded, image.both, simd) },
    {
      name: "resampling (JavaScript)",
      insteadOf: both,
      run: (image) => void resample(image.decoded, image.both, plain),
    },
    { name: rows, insteadOf: rows, run: (image) => void resample(image.decoded, image.across, simd) },
    {
      name: "… along rows (JavaScript)",
      insteadOf: rows,
      run: (image) => void resample(image.decoded, image.across, plain),
    },
    { name: columns, insteadOf: columns, run: (image) => void resample(image.narrowed, image.down, simd) },
    {
      name: "… along columns (JavaScript)",
      insteadOf: columns,
      run: (image) => void resample(image.narrowed, image.down, plain),
    },
    { name: "normalising", run: ({ pixels, placement }) => normalise(pixels, out, placement.mirrored) },
    { name: "copying out of shared memory", run: () => out.set(slot) },
  ];
}

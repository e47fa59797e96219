import { createHash } from "node:crypto";
import { defineDataset, type Split } from "dualtail/plugin-api";

/** What `options` below describes. */
interface Options {
  readonly head: number;
  readonly test: number;
}

const NAMES = ["wide stripes", "stripes", "narrow stripes", "fine stripes"];
const SIZE = 32;

/** One picture: stripes whose width is the class, at a place and with noise that differ from image to image. */
function picture(label: number, index: number): Uint8Array {
  const noise = (p: number) => Math.sin(p * 12.9898 + index * 78.233) * 43758.5453;
  return Uint8Array.from({ length: SIZE * SIZE }, (_, p) => {
    const wave = Math.sin((0.25 + 0.35 * label) * (p % SIZE) + index);
    return 128 + 70 * wave + 50 * (noise(p) - Math.floor(noise(p)) - 0.5);
  });
}

/** @param counts images per class */
function makeSplit(name: string, counts: readonly number[], first: number): Split {
  const items = counts.flatMap((count, label) =>
    Array.from({ length: count }, (_, i) => ({ label, i: first + i })),
  );
  return {
    // An image may also be a file: { kind: "file", path }.
    images: items.map(({ label, i }) => ({
      kind: "pixels",
      name: `${name} image ${i} of ${NAMES[label]}`,
      data: picture(label, i),
      width: SIZE,
      height: SIZE,
      channels: 1,
    })),
    labels: Int32Array.from(items, ({ label }) => label),
  };
}

// Generated stripes with a long tail, so that everything can be tried without data: replace `load` by your own.
export const plugin = defineDataset<Options>({
  name: "my-dataset",
  summary: "Generated stripes of four widths with a long tail",
  options: {
    type: "object",
    properties: {
      head: {
        type: "integer",
        minimum: 1,
        default: 16,
        description: "Training images of the most frequent class; every next class has half as many",
      },
      test: { type: "integer", minimum: 1, default: 4, description: "Test images per class" },
    },
    additionalProperties: false,
  },
  async load(_context, { head, test }) {
    const counts = NAMES.map((_, label) => Math.max(1, Math.round(head / 2 ** label)));
    return {
      name: "my-dataset",
      classNames: NAMES,
      train: makeSplit("training", counts, 0),
      test: makeSplit(
        "test",
        NAMES.map(() => test),
        10_000,
      ),
      // Equal digests mean equal data. With files: of their paths, sizes and labels.
      digest: createHash("sha256")
        .update(JSON.stringify([NAMES, SIZE, counts, test]))
        .digest("hex"),
      source: "my-dataset",
    };
  },
});

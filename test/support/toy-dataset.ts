import { type Dataset, defineDataset, type ImageSource, type Split } from "../../core/plugin-api/index.ts";

const NAMES = ["cat", "dog", "arrow", "house", "tree", "star"];
const SIZE = 8;

/** Stripes whose frequency is the class, with noise that differs per image. */
function picture(label: number, index: number): ImageSource {
  const data = Uint8Array.from({ length: SIZE * SIZE }, (_, p) => {
    const wave = Math.sin((p % SIZE) * (0.4 + 0.5 * label));
    return 128 + 80 * wave + 30 * Math.sin(p * 12.9 + index * 78.2);
  });
  return { kind: "pixels", name: `${NAMES[label]} ${index}`, data, width: SIZE, height: SIZE, channels: 1 };
}

function makeSplit(perClass: (label: number) => number, first: number): Split {
  const entries = NAMES.flatMap((_, label) =>
    Array.from({ length: perClass(label) }, (_, i) => ({ label, i: first + i })),
  );
  return {
    images: entries.map(({ label, i }) => picture(label, i)),
    labels: Int32Array.from(entries, ({ label }) => label),
  };
}

interface ToyOptions {
  readonly head: number;
  readonly brokenFile?: string;
  readonly emptyClass: boolean;
}

/** A long-tailed data set of stripes that a tiny model learns in moments; with the faults that tests ask for. */
export const plugin = defineDataset<ToyOptions>({
  name: "toy",
  summary: "Stripes, for tests",
  options: {
    type: "object",
    properties: {
      head: { type: "integer", default: 24, description: "Training images of the most frequent class" },
      brokenFile: { type: "string", description: "A file that takes the place of the first training image" },
      emptyClass: {
        type: "boolean",
        default: false,
        description: "Leave the last class without training images",
      },
    },
    additionalProperties: false,
  },
  async load(_context, { head, brokenFile, emptyClass }) {
    const last = NAMES.length - 1;
    const train = makeSplit(
      (k) => (emptyClass && k === last ? 0 : Math.max(1, Math.round(head / 2 ** k))),
      0,
    );
    const images: ImageSource[] = [...train.images];
    if (brokenFile) images[0] = { kind: "file", path: brokenFile };
    return {
      name: "toy",
      classNames: NAMES,
      train: { ...train, images },
      validation: makeSplit(() => 3, 1000),
      test: makeSplit(() => 5, 2000),
      digest: String(head).padStart(64, "0"),
      source: "test/support/toy-dataset.ts",
    } satisfies Dataset;
  },
});

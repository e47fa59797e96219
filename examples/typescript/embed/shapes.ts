// A data set that is made in memory: circles, squares and other shapes as raw grey pixels.
import { defineDataset, type ImageSource, type Split } from "dualtail/plugin-api";

const SIDE = 24;

/** Whether a point is ink, x and y from -1 to 1. */
const SHAPES: Readonly<Record<string, (x: number, y: number) => boolean>> = {
  circle: (x, y) => Math.abs(Math.hypot(x, y) - 0.8) < 0.15,
  square: (x, y) => Math.abs(Math.max(Math.abs(x), Math.abs(y)) - 0.8) < 0.15,
  plus: (x, y) => Math.min(Math.abs(x), Math.abs(y)) < 0.15 && Math.max(Math.abs(x), Math.abs(y)) < 0.9,
  minus: (x, y) => Math.abs(y) < 0.15 && Math.abs(x) < 0.9,
  diamond: (x, y) => Math.abs(x) + Math.abs(y) < 0.9,
  slash: (x, y) => Math.abs(x + y) < 0.25 && Math.abs(x) < 0.8,
};
const classNames = Object.keys(SHAPES);

/** Of another size and at another place for every number. */
function picture(label: number, n: number): ImageSource {
  const wave = (k: number) => Math.sin(n * k + label);
  const [radius, left, top] = [8 + 2 * wave(12.9), 11.5 + 2 * wave(78.2), 11.5 + 2 * wave(37.7)];
  const isInk = SHAPES[classNames[label]!]!;
  const data = Uint8Array.from({ length: SIDE * SIDE }, (_, p) =>
    isInk(((p % SIDE) - left) / radius, (Math.floor(p / SIDE) - top) / radius) ? 30 : 235,
  );
  return { kind: "pixels", name: `${classNames[label]} ${n}`, data, width: SIDE, height: SIDE, channels: 1 };
}

/** @param first number of the first picture: splits have none in common */
function split(perClass: (label: number) => number, first: number): Split {
  const list = classNames.flatMap((_, label) =>
    Array.from({ length: perClass(label) }, (_, i) => ({ label, n: first + i })),
  );
  return {
    images: list.map(({ label, n }) => picture(label, n)),
    labels: Int32Array.from(list, ({ label }) => label),
  };
}

export const shapes = defineDataset<{ readonly imbalance: number }>({
  name: "shapes",
  summary: "Drawn shapes, long-tailed",
  options: {
    type: "object",
    properties: {
      imbalance: {
        type: "number",
        minimum: 1,
        default: 16,
        description: "Images of the first class / the last",
      },
    },
    additionalProperties: false,
  },
  load: async (_context, { imbalance }) => ({
    name: `shapes-${imbalance}`,
    classNames,
    train: split((label) => Math.round(32 / imbalance ** (label / (classNames.length - 1))), 0),
    validation: split(() => 4, 1000),
    test: split(() => 8, 2000),
    // Changes with what is drawn.
    digest: `1-${imbalance}`,
    source: "drawn by examples/typescript/embed/shapes.ts",
  }),
});

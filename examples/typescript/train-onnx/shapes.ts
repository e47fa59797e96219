import sharp from "sharp";

/** A small long-tailed task: which shape is drawn. Nothing that the model was made for. */
export const classNames = ["circle", "square", "triangle", "cross", "ring"];
export const SIZE = 48;

const drawn: readonly ((colour: string) => string)[] = [
  (colour) => `<circle r="10" fill="${colour}"/>`,
  (colour) => `<rect x="-9" y="-9" width="18" height="18" fill="${colour}"/>`,
  (colour) => `<path d="M0-12L11 8H-11Z" fill="${colour}"/>`,
  (colour) => `<path d="M-3-11H3V-3H11V3H3V11H-3V3H-11V-3H-3Z" fill="${colour}"/>`,
  (colour) => `<circle r="9" fill="none" stroke="${colour}" stroke-width="4"/>`,
];

/** Numbers in [0, 1) that depend on the seed alone (mulberry32). */
export function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

export interface Images {
  /** [N, 3, 48, 48], in [−1, 1] as PaddleOCR feeds its models. */
  readonly pixels: Float32Array;
  readonly labels: readonly number[];
}

/** So many images of each class, at random places, sizes, angles and colours. */
export async function drawImages(counts: readonly number[], seed: number): Promise<Images> {
  const random = randomFrom(seed);
  const between = (low: number, high: number) => low + (high - low) * random();
  const labels = counts.flatMap((count, label) => Array<number>(count).fill(label));
  const plane = SIZE * SIZE;
  const pixels = new Float32Array(labels.length * 3 * plane);
  for (const [i, label] of labels.entries()) {
    const colour = `hsl(${between(0, 360)},70%,${between(55, 80)}%)`;
    const place = `translate(${between(18, 30)} ${between(18, 30)}) rotate(${between(-20, 20)}) scale(${between(0.8, 1.4)})`;
    const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${SIZE}" height="${SIZE}"><rect width="${SIZE}" height="${SIZE}" fill="hsl(${between(0, 360)},40%,${between(5, 25)}%)"/><g transform="${place}">${drawn[label]!(colour)}</g></svg>`;
    const bytes = await sharp(Buffer.from(svg)).removeAlpha().raw().toBuffer();
    for (let at = 0; at < plane; at++) {
      for (let c = 0; c < 3; c++) pixels[(i * 3 + c) * plane + at] = bytes[at * 3 + c]! / 127.5 - 1;
    }
  }
  return { pixels, labels };
}

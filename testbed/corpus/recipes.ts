/** How the images of a corpus are distributed over its concepts. */
export type Recipe =
  | {
      readonly kind: "long-tailed";
      /** Draws which concept takes which rank. */
      readonly seed: number;
      /** Downstream classes: images of the most frequent, and that over the rarest. */
      readonly first: number;
      readonly ratio: number;
      /** The same for the other concepts. */
      readonly otherFirst: number;
      readonly otherRatio: number;
    }
  | {
      /** MetaCLIP's curation (Xu et al., 2024): at most so many of each concept, the rest of the pool dropped. */
      readonly kind: "capped";
      readonly seed: number;
      readonly cap: number;
    }
  | {
      /** For the sweep: a long tail of a given order over the downstream classes, the other concepts capped. */
      readonly kind: "ordered";
      readonly seed: number;
      readonly first: number;
      readonly ratio: number;
      /** Downstream classes by index, those that shall be frequent first. */
      readonly order: readonly number[];
      readonly otherCap: number;
    };

const longTailed = { kind: "long-tailed", first: 100, ratio: 100, otherFirst: 100, otherRatio: 20 } as const;

/**
 * The three corpora, named as the backbones they pre-train. The two seeds were chosen so that neither the rank
 * correlation of the class counts with the downstream training counts (default options) nor that between the two long
 * tails exceeds 0.05; the cap so that the three corpora are of about the same size.
 */
export const recipes = {
  clip: { ...longTailed, seed: 3 },
  openclip: { ...longTailed, seed: 14 },
  metaclip: { kind: "capped", seed: 2, cap: 18 },
} as const satisfies Record<string, Recipe>;

export type CorpusName = keyof typeof recipes;

/** Captions of a concept; the first is the prompt of the zero-shot classifier. */
export const templates = [
  "a photo of a {}.",
  "{}",
  "an icon of a {}.",
  "a {} icon",
  "a drawing of a {}.",
  "a small {} symbol",
  "a black and white {}.",
  "the {} pictogram",
] as const;

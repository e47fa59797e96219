import { stringify } from "yaml";
import { type SweepTower, towers } from "./towers.ts";

/**
 * Downstream imbalance ratios and the n_1 of each, chosen so that every ratio has about 3,000 training images: what
 * changes is their distribution, not their number.
 */
export const largestPerClass = { 1: 25, 10: 64, 50: 98, 100: 115 } as const;
export type Ratio = keyof typeof largestPerClass;
export const ratios = Object.keys(largestPerClass).map(Number) as Ratio[];

/** Towers that are compared in one comparison: those of one skew, which post-hoc backdoor can combine. */
export interface SweepPart {
  readonly name: string;
  readonly ratio: Ratio;
  readonly towers: readonly SweepTower[];
}

export const skewNames = ["flat", "mild", "strong"] as const;

export const parts = (wanted: readonly Ratio[]): SweepPart[] =>
  wanted.flatMap((ratio) =>
    skewNames.map((skew) => ({
      name: `ir${ratio}-${skew}`,
      ratio,
      towers: towers.filter((tower) => tower.skew === skew),
    })),
  );

/** The comparison of one part, as a YAML file beside the towers' folders. */
export function partConfig(
  part: SweepPart,
  { seeds, epochs }: { readonly seeds: readonly number[]; readonly epochs: number },
): string {
  const several = part.towers.length > 1;
  return stringify({
    experiment: "icons-lt-sweep",
    name: part.name,
    dataset: {
      use: "icons-lt",
      imbalanceRatio: part.ratio,
      maxPerClass: largestPerClass[part.ratio],
      orderRatio: 100,
    },
    backbones: part.towers.map(({ name }) => ({ use: "clip", folder: `./${name}`, label: name })),
    peft: { use: "adaptformer", bottleneck: 16 },
    losses: [
      "ce",
      "la",
      "gla-train",
      ...(several ? [{ use: "backdoor", mode: "post-hoc", space: "probability", label: "backdoor" }] : []),
    ],
    seeds,
    train: {
      epochs,
      batchSize: 64,
      optimizer: { use: "sgd", lr: 0.02 },
      augment: { crop: "random-resized", scale: [0.5, 1], flip: false },
    },
  });
}

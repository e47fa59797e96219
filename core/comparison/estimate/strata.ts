import { describeError } from "../../errors.ts";
import type { ChosenStrata } from "../../models/heads/strata.ts";
import type { SingleRecipe, StratumSource } from "../../plugin-api/index.ts";
import type { KnownBackbone } from "./backbones.ts";

/** Strata of the right form, made from samples that mean nothing, and what their source read of the training data. */
export interface ProbedStrata {
  readonly chosen?: ChosenStrata;
  readonly reads: { readonly features: boolean; readonly zeroShot: boolean };
  /** Why there are none. */
  readonly problem?: string;
}

/** Samples per probe: enough for any class to have one, and for the default number of clusters. */
const SAMPLES = 64;

/** What the graph of a loss with strata looks like, without having seen the data. */
export async function probeStrata(
  { use, options, predict }: NonNullable<SingleRecipe["strata"]>,
  source: StratumSource,
  { config }: KnownBackbone,
  classes: number,
): Promise<ProbedStrata> {
  const { width } = config.vision;
  const count = Math.max(classes, SAMPLES);
  const reads = { features: false, zeroShot: false };
  /** Row i is 1 at column i modulo the width. */
  const rows = (columns: number) => {
    const data = new Float32Array(count * columns);
    for (let i = 0; i < count; i++) data[i * columns + (i % columns)] = 1;
    return data;
  };
  try {
    const found = await source.estimate(
      {
        count,
        width,
        classes,
        labels: Int32Array.from({ length: count }, (_, i) => i % classes),
        features: async () => {
          reads.features = true;
          return rows(width);
        },
        zeroShot: async () => {
          reads.zeroShot = true;
          return rows(classes);
        },
        seed: 0,
      },
      options,
    );
    const { projectionDim } = config;
    const features = new Float32Array(classes * projectionDim);
    const texts = { features, classes, width: projectionDim };
    return {
      chosen: { source, options, found, predict, zeroShot: { texts, projectionDim, scale: 100 } },
      reads,
    };
  } catch (error) {
    return { reads, problem: `the strata "${use}" are left out: ${describeError(error)}` };
  }
}

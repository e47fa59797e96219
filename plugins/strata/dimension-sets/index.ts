import { DualtailError, defineStrata } from "../../../core/plugin-api/index.ts";
import { shuffled } from "./shuffled.ts";

interface DimensionSetsOptions {
  readonly sets: number;
  readonly order: "contiguous" | "random";
  readonly threshold: number;
}

export const plugin = defineStrata<DimensionSetsOptions>({
  name: "dimension-sets",
  summary:
    "Disjoint equal sets of feature dimensions with a head each (arXiv 2009.13240): P = (1/n) Σ_i softmax(head_i(f[F_i]))",
  options: {
    type: "object",
    properties: {
      sets: {
        type: "integer",
        minimum: 1,
        default: 8,
        description: "Number n of sets; it must divide the feature's width",
      },
      order: {
        enum: ["contiguous", "random"],
        default: "contiguous",
        description: "Neighbouring dimensions, or drawn by the run's seed",
      },
      threshold: {
        type: "number",
        minimum: 0,
        default: 0,
        description: "Entries |f_j| below it are set to 0; 0 masks nothing",
      },
    },
    additionalProperties: false,
  },
  async estimate({ width, seed }, { sets, order }) {
    if (width % sets !== 0) {
      throw new DualtailError(`dimension-sets: ${sets} sets do not divide the feature's width ${width}`, {
        hint: "choose a divisor (strata.sets)",
      });
    }
    const dimensions = order === "random" ? shuffled(width, seed) : [...Array(width).keys()];
    return {
      masses: new Float32Array(sets).fill(1 / sets),
      tensors: { sets: { shape: [sets, width / sets], data: Float32Array.from(dimensions) } },
    };
  },
  conditionals(g, { features, strata, head }, { threshold }) {
    const { shape, data } = strata.tensors.sets!;
    const [sets, size] = shape as [number, number];
    const kept = threshold > 0 ? g.where(g.less(g.abs(features), threshold), 0, features) : features;
    // Rows are what a gather has a gradient for.
    const byDimension = g.transpose(kept, [1, 0]);
    return Array.from({ length: sets }, (_, i) => {
      const columns = [...data.subarray(i * size, (i + 1) * size)];
      const own = g.gather(byDimension, g.constant(columns, [size], "int64"));
      return { logits: head(g.transpose(own, [1, 0]), { name: `head.${i}`, columns }), mass: 1 / sets };
    });
  },
});

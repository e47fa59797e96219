import { defineStrata } from "dualtail/plugin-api";

/** What `options` below describes. */
interface Options {
  readonly groups: number;
}

// Strata are groups of training images by the length of their frozen feature: replace both functions by your own.
// N training images, d the feature's width, M strata, K classes.
export const plugin = defineStrata<Options>({
  name: "my-strata",
  summary: "Groups of equal size by the length of the frozen feature, a head for each",
  options: {
    type: "object",
    properties: {
      groups: {
        type: "integer",
        minimum: 1,
        maximum: 16,
        default: 2,
        title: "M",
        description: "Number of strata",
      },
    },
    additionalProperties: false,
  },
  async estimate({ count, width, features }, { groups }) {
    const all = await features();
    const row = (i: number) => all.subarray(i * width, (i + 1) * width);
    const lengths = Array.from({ length: count }, (_, i) => Math.hypot(...row(i)));
    const order = [...lengths.keys()].sort((a, b) => (lengths[a] ?? 0) - (lengths[b] ?? 0) || a - b);
    const masses = new Float32Array(groups);
    const centres = new Float32Array(groups * width);
    for (let m = 0; m < groups; m++) {
      const own = order.slice(Math.floor((m * count) / groups), Math.floor(((m + 1) * count) / groups));
      masses[m] = own.length / count;
      for (let d = 0; d < width; d++)
        centres[m * width + d] =
          own.reduce((sum, i) => sum + (all[i * width + d] ?? 0), 0) / Math.max(1, own.length);
    }
    return { masses, tensors: { centres: { shape: [groups, width], data: centres } } };
  },
  // P(Y | x, c): here a head of its own for every stratum, on the feature seen from the stratum's centre.
  conditionals(g, { features, strata, head, constant }) {
    const width = features.shape[1] ?? 0;
    return [...strata.masses].map((mass, m) => {
      const centre = g.slice(constant("centres"), 0, m, m + 1);
      return { logits: head(g.sub(features, g.reshape(centre, [1, width])), { name: `head.${m}` }), mass };
    });
  },
});

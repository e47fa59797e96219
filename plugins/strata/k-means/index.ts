import { defineStrata } from "../../../core/plugin-api/index.ts";
import { cluster } from "./cluster.ts";

interface KMeansOptions {
  readonly clusters: number;
  readonly keyWidth?: number;
  readonly normalize: boolean;
  readonly iterations: number;
  readonly samples: number;
}

export const plugin = defineStrata<KMeansOptions>({
  name: "k-means",
  summary:
    "Clusters of the frozen training features: logits = head(f) + V Σ_k λ_k(x) P(z_k) z_k, λ = softmax_k((Q f)·(K z_k)/√d)",
  options: {
    type: "object",
    properties: {
      clusters: { type: "integer", minimum: 1, default: 32, description: "Number of centroids z_k" },
      keyWidth: {
        type: "integer",
        minimum: 1,
        description: "Width d of Q f and K z_k; that of the feature when absent",
      },
      normalize: {
        type: "boolean",
        default: false,
        description:
          "Divide the weights λ_k(x) P(z_k) by their sum, so that the centroids are averaged and not shrunk by their number",
      },
      iterations: { type: "integer", minimum: 1, default: 50, description: "Most rounds of k-means" },
      samples: {
        type: "integer",
        minimum: 1,
        default: 10000,
        description:
          "Centroids are fitted to at most this many training images, spread evenly over the list; masses count all of them",
      },
    },
    additionalProperties: false,
  },
  async estimate({ features, count, width, seed }, options) {
    const points = { features: await features(), count, width, seed };
    const { centroids, masses } = await cluster(points, options);
    return { masses, tensors: { centroids: { shape: [options.clusters, width], data: centroids } } };
  },
  conditionals(g, { features, classes, strata, head, constant, param }, { keyWidth, normalize }) {
    const width = features.shape[1]!;
    const keys = keyWidth ?? width;
    const centroids = constant("centroids");
    const projection = (name: string) =>
      param(name, [keys, width], { kind: "kaiming-uniform", a: Math.sqrt(5), fan: width });
    const query = g.linear(features, projection("strata.query.weight"));
    const key = g.linear(centroids, projection("strata.key.weight"));
    const attention = g.softmax(g.mul(g.matmul(query, key, { transB: true }), 1 / Math.sqrt(keys)), 1);
    const masses = g.constant([...strata.masses], [1, strata.masses.length]);
    // V starts at 0: the model starts as the plain head.
    const value = param("strata.value.weight", [classes, width], { kind: "zeros" });
    const weights = g.mul(attention, masses);
    const shares = normalize ? g.div(weights, g.reduceSum(weights, 1)) : weights;
    const context = g.matmul(shares, centroids);
    return [{ logits: g.add(head(features), g.linear(context, value)), mass: 1 }];
  },
});

import { defineStrata, type Graph, type Value } from "../../../core/plugin-api/index.ts";
import { classMeans } from "./class-means.ts";

/** Every step and every prediction also runs the frozen tower forward, for p_j(x): augmented images have no stored one. */
export const plugin = defineStrata<{ normalize: boolean }>({
  name: "class-wise",
  summary:
    "Classes as anchors (arXiv 2009.13240): logits = head(f ⊕ (1/m) Σ_j p_j(x) x̄_j), p_j the frozen zero-shot probability, x̄_j the mean frozen feature",
  options: {
    type: "object",
    properties: {
      normalize: {
        type: "boolean",
        default: false,
        description:
          "Scale the feature and the anchors' mean to length 1 each before they are joined; otherwise a cosine head hardly sees the second, which is m times smaller",
      },
    },
    additionalProperties: false,
  },
  async estimate({ features, labels, classes, width }) {
    const means = classMeans(await features(), labels, classes, width);
    return {
      masses: new Float32Array(classes).fill(1 / classes),
      tensors: { anchors: { shape: [classes, width], data: means } },
    };
  },
  conditionals(g, { features, strata, frozen, head, constant }, { normalize }) {
    // Each anchor has the mass 1/m. The sum over anchors is moved inside the softmax (normalised weighted geometric mean).
    const mean = g.matmul(g.softmax(frozen().zeroShot, 1), constant("anchors"));
    const expected = g.mul(mean, 1 / strata.masses.length);
    return [
      {
        logits: head(g.concat(normalize ? [unit(g, features), unit(g, expected)] : [features, expected], 1)),
        mass: 1,
      },
    ];
  },
});

/** Rows scaled to length 1, with the epsilon of the cosine head. */
const unit = (g: Graph, rows: Value): Value =>
  g.div(rows, g.sqrt(g.add(g.reduceSum(g.mul(rows, rows), 1), 1e-12)));

import { type Graph, type Shape, sizeOf, type Value } from "../../core/graph/index.ts";
import type { Weights } from "../../core/models/towers/index.ts";
import { initParams, type ParamSpec } from "../../core/training/params.ts";
import { testbedShape } from "./shape.ts";

const { vision, text } = testbedShape;

/** Starting scale of each kind of tensor, after Radford et al. (2021): depth-scaled for what adds to the residual stream. */
const rules: readonly (readonly [
  RegExp,
  (shape: Shape, width: number, layers: number) => ParamSpec["init"],
])[] = [
  [/logit_scale$/, () => ({ kind: "constant", value: Math.log(1 / 0.07) })],
  [/norm\d?\.weight$|layrnorm\.weight$/, () => ({ kind: "constant", value: 1 })],
  [/bias$/, () => ({ kind: "zeros" })],
  [/(token_embedding\.weight|class_embedding)$/, () => ({ kind: "normal", std: 0.02 })],
  [/position_embedding\.weight$/, () => ({ kind: "normal", std: 0.01 })],
  [/patch_embedding\.weight$/, (shape) => ({ kind: "normal", std: sizeOf(shape.slice(1)) ** -0.5 })],
  [
    /(out_proj|fc2)\.weight$/,
    (_, width, layers) => ({ kind: "normal", std: width ** -0.5 * (2 * layers) ** -0.5 }),
  ],
  [/fc1\.weight$/, (_, width) => ({ kind: "normal", std: (2 * width) ** -0.5 })],
  [/weight$/, (_, width) => ({ kind: "normal", std: width ** -0.5 })],
];

export interface TrainableTower {
  readonly weights: Weights;
  /** In the order in which the graph asked for them. */
  readonly params: readonly Value[];
  /** Starting values, made when the graph is complete. */
  values(seed: number): Promise<Map<string, Float32Array>>;
}

/** Weights of a model that is trained from nothing, named as in a Hugging Face CLIP checkpoint. */
export function trainableWeights(g: Graph): TrainableTower {
  const made = new Map<string, Value>();
  const weights: Weights = (name, shape, view = shape) => {
    const value = made.get(name) ?? g.input(name, "float32", shape);
    made.set(name, value);
    return g.reshape(value, view);
  };
  return {
    weights,
    get params() {
      return [...made.values()];
    },
    values: (seed) =>
      initParams(
        [...made.values()].map(({ name, shape }) => {
          const tower = name.startsWith("text") ? text : vision;
          const rule = rules.find(([pattern]) => pattern.test(name))!;
          return { name, shape, init: rule[1](shape, tower.width, tower.layers) };
        }),
        seed,
      ),
  };
}

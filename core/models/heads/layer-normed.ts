import { normalize } from "../towers/index.ts";
import { type Head, unitRows } from "./head.ts";

const EPSILON = 1e-12;

/** A LayerNorm without weights of its own: features of length √width. */
export const layerNormed: Head = {
  summary: "feature without mean and with variance 1 · class weight of length 1",
  start: unitRows,
  logits: (g, { features, weight }) => {
    const width = features.shape[1]!;
    const [ones, zeros] = [1, 0].map((value) => g.constant(Array<number>(width).fill(value), [width]));
    return g.linear(g.layerNorm(features, ones!, zeros!, EPSILON), normalize(g, weight));
  },
};

import { normalize } from "../towers/index.ts";
import { type Head, unitRows } from "./head.ts";

/** The feature keeps its length, which takes the place of a scale. */
export const l2Normed: Head = {
  summary: "feature · class weight of length 1",
  start: unitRows,
  logits: (g, { features, weight }) => g.linear(features, normalize(g, weight)),
};

import { normalize } from "../towers/index.ts";
import { type Head, unitRows } from "./head.ts";

export const cosine: Head = {
  summary: "scale · cos(feature, class weight)",
  start: unitRows,
  logits: (g, { features, weight, scale }) =>
    g.mul(g.linear(normalize(g, features), normalize(g, weight)), scale),
};

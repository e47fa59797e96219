import type { Head } from "./head.ts";

export const linear: Head = {
  summary: "feature · class weight + bias",
  // Kaiming-normal for a ReLU (a = 0), as LIFT has it.
  start: (width) => ({ kind: "kaiming-normal", a: 0, fan: width }),
  logits: (g, { features, weight, declare }) =>
    g.linear(features, weight, declare("bias", [weight.shape[0]!], { kind: "zeros" })),
};

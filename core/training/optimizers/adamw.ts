import type { Optimizer } from "./optimizer.ts";

/** Settings of AdamW (Loshchilov & Hutter, 2019), as PyTorch names them. */
export interface AdamWOptions {
  readonly beta1?: number;
  readonly beta2?: number;
  readonly epsilon?: number;
  readonly weightDecay?: number;
}

/** AdamW with decoupled weight decay (Loshchilov & Hutter, 2019), bias correction as in PyTorch. */
export function adamw({
  beta1 = 0.9,
  beta2 = 0.999,
  epsilon = 1e-8,
  weightDecay = 1e-2,
}: AdamWOptions = {}): Optimizer {
  return {
    slots: ["mean", "square"],
    weightDecay,
    scalars: (t) => ({ correction1: 1 - beta1 ** t, correction2: 1 - beta2 ** t }),
    update(g, { param, gradient, slots: [m, v], lr, scalars, weightDecay: decay }) {
      const mean = g.add(g.mul(m!, beta1), g.mul(gradient, 1 - beta1));
      const square = g.add(g.mul(v!, beta2), g.mul(g.mul(gradient, gradient), 1 - beta2));
      const denominator = g.add(g.sqrt(g.div(square, scalars.correction2!)), epsilon);
      const step = g.div(g.div(mean, scalars.correction1!), denominator);
      const decayed = decay === 0 ? step : g.add(step, g.mul(param, decay));
      return { param: g.sub(param, g.mul(lr, decayed)), slots: [mean, square] };
    },
  };
}

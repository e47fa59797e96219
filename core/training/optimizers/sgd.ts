import type { Optimizer } from "./optimizer.ts";

/** Settings of SGD with momentum, as PyTorch names them. */
export interface SgdOptions {
  readonly momentum?: number;
  readonly weightDecay?: number;
}

/** SGD with momentum and L2 weight decay as PyTorch defines it: d = ∇ + λθ, v ← μv + d, θ ← θ − lr·v. */
export function sgd({ momentum = 0.9, weightDecay = 5e-4 }: SgdOptions = {}): Optimizer {
  return {
    slots: momentum === 0 ? [] : ["momentum"],
    weightDecay,
    scalars: () => ({}),
    update(g, { param, gradient, slots: [velocity], lr, weightDecay: decay }) {
      const d = decay === 0 ? gradient : g.add(gradient, g.mul(param, decay));
      const v = velocity === undefined ? d : g.add(g.mul(velocity, momentum), d);
      return { param: g.sub(param, g.mul(lr, v)), slots: velocity === undefined ? [] : [v] };
    },
  };
}

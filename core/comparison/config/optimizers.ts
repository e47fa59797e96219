import type { JsonSchema } from "../../plugin-api/index.ts";

/** SGD with momentum, complete. */
export interface SgdOptions {
  readonly lr: number;
  readonly momentum: number;
  readonly weightDecay: number;
}

/** AdamW, complete. */
export interface AdamWOptions {
  readonly lr: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  readonly weightDecay: number;
}

/** The optimizer of a comparison, with its learning rate. */
export type OptimizerConfig =
  | { readonly use: "sgd"; readonly options: SgdOptions }
  | { readonly use: "adamw"; readonly options: AdamWOptions };

export interface OptimizerInfo {
  readonly summary: string;
  readonly options: JsonSchema;
}

const lr = (value: number) => ({
  type: "number",
  exclusiveMinimum: 0,
  default: value,
  title: "Learning rate",
  description: "Learning rate at the start; the schedule lowers it from there.",
});

const weightDecay = (value: number, how: string) => ({
  type: "number",
  minimum: 0,
  default: value,
  title: "Weight decay",
  description: how,
});

const fraction = (value: number, title: string, description: string) => ({
  type: "number",
  minimum: 0,
  exclusiveMaximum: 1,
  default: value,
  title,
  description,
});

/** Optimizers are data: their update rules live in core/training, their options here. */
export const OPTIMIZERS: Readonly<Record<OptimizerConfig["use"], OptimizerInfo>> = {
  sgd: {
    summary: "Stochastic gradient descent with momentum; the defaults are the paper's recipe.",
    options: {
      type: "object",
      additionalProperties: false,
      properties: {
        lr: lr(0.01),
        momentum: fraction(0.9, "Momentum", "Share of the last update that is kept."),
        weightDecay: weightDecay(5e-4, "Added to the gradient as this times the parameter."),
      },
    },
  },
  adamw: {
    summary: "Adam with decoupled weight decay.",
    options: {
      type: "object",
      additionalProperties: false,
      properties: {
        lr: lr(1e-3),
        beta1: fraction(0.9, "Beta 1", "Decay of the running mean of the gradient."),
        beta2: fraction(0.999, "Beta 2", "Decay of the running mean of the squared gradient."),
        epsilon: {
          type: "number",
          exclusiveMinimum: 0,
          default: 1e-8,
          title: "Epsilon",
          description: "Added to the denominator so that it is never zero.",
        },
        weightDecay: weightDecay(0.01, "Taken off the parameter as this times the learning rate."),
      },
    },
  },
};

export { estimateText } from "./describe-estimate.ts";
export { type EstimateOptions, estimatePlan } from "./estimate.ts";
export type * from "./types.ts";

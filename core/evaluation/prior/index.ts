export { estimatePretrainPrior, type PriorEstimate, type PriorEstimationInput } from "./estimate.ts";

export { canonicalJson, contentHash } from "./canonical-json.ts";
export { describePlan, type PlanDescription, type PlanJson } from "./describe-plan.ts";
export { planComparison } from "./plan-comparison.ts";
export { strataCount } from "./post-hoc.ts";
export type * from "./types.ts";
export { planWarnings } from "./warnings.ts";

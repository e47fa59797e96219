export { backpropagate, type DifferentiateOptions, differentiate } from "./differentiate.ts";
export type { Rule, RuleContext, RuleTable } from "./rule.ts";
export { rules } from "./rules/index.ts";

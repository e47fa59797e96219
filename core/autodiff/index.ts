export { backpropagate, type DifferentiateOptions, differentiate } from "./differentiate.ts";
export { type Rule, type RuleContext, type RuleTable, UndifferentiableError } from "./rule.ts";
export { rules } from "./rules/index.ts";

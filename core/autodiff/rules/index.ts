import type { RuleTable } from "../rule.ts";
import { convolutionRules } from "./convolution.ts";
import { elementwiseRules } from "./elementwise.ts";
import { linearRules } from "./linear.ts";
import { reductionRules } from "./reduction.ts";
import { shapeRules } from "./shape.ts";

/** Reverse mode as one table: operator → gradients of its inputs. */
export const rules: RuleTable = {
  ...elementwiseRules,
  ...linearRules,
  ...convolutionRules,
  ...reductionRules,
  ...shapeRules,
};

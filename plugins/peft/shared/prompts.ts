import type { DeclareParam, TowerInfo, Value } from "../../../core/plugin-api/index.ts";

export const tokensOption = {
  type: "integer",
  minimum: 1,
  default: 10,
  description: "Learned tokens added to the sequence",
} as const;

/**
 * Learned tokens [count, width], uniform in ±√(6 / (3·patch² + width)) as in Visual Prompt Tuning (Jia et al., 2022) and
 * LIFT; 3 stands for the colour channels of a patch.
 */
export const promptTokens = (
  { width, patchSize }: TowerInfo,
  param: DeclareParam,
  name: string,
  count: number,
): Value =>
  param(name, [count, width], { kind: "uniform", bound: Math.sqrt(6 / (3 * patchSize ** 2 + width)) });

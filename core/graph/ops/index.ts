import { convolutionOps } from "./convolution.ts";
import type { OpTable } from "./define.ts";
import { elementwiseOps } from "./elementwise.ts";
import { linearOps } from "./linear.ts";
import { reductionOps } from "./reduction.ts";
import { shapeOps } from "./shape.ts";

/** Every operator the builder and the loader know: its attributes and what it makes of its inputs' shapes. */
export const opTable: OpTable = {
  ...elementwiseOps,
  ...linearOps,
  ...convolutionOps,
  ...reductionOps,
  ...shapeOps,
};

export { type Window, windowOf } from "./convolution.ts";
export * from "./define.ts";
export { reductionAxes } from "./reduction.ts";
export { dtypeCodes, dtypeFromCode } from "./shape.ts";

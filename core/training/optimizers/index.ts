export { type AdamWOptions, adamw } from "./adamw.ts";
export type { Optimizer, Update, UpdateInputs } from "./optimizer.ts";
export { type SgdOptions, sgd } from "./sgd.ts";

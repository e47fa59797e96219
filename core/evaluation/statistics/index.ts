export {
  type Bootstrap,
  type BootstrapInput,
  bootstrap,
  type Estimate,
  type PredictedRow,
  type Term,
} from "./bootstrap.ts";
export { holm } from "./holm.ts";
export { type MeanInterval, studentInterval, studentQuantile } from "./student.ts";

/**
 * Graphs and the training of ONNX models: the builder, reading and writing ONNX, gradients, and a trainer for a model
 * from anywhere. onnxruntime is loaded when the first graph is compiled.
 * @module
 */

export type { Rule, RuleContext, RuleTable } from "../autodiff/index.ts";
export { backpropagate, type DifferentiateOptions, differentiate, rules } from "../autodiff/index.ts";
export { DualtailError, FileError } from "../errors.ts";
export * from "../graph/index.ts";
export {
  type CompileOptions,
  compile,
  type Feeds,
  type Program,
  type Results,
  RunError,
} from "../runtime/index.ts";
export {
  type AdamWOptions,
  adamw,
  type Optimizer,
  type SgdOptions,
  sgd,
  type Update,
  type UpdateInputs,
} from "../training/optimizers/index.ts";
export { NonFiniteLossError } from "../training/train-step.ts";
export { injectLora, type LoraOptions, type LoraSite } from "./lora.ts";
export {
  addHead,
  type Dimensions,
  type LoadOnnxOptions,
  loadOnnx,
  type Match,
  type ModelHead,
  type ModelWeight,
  markTrainable,
  type TrainableModel,
} from "./model.ts";
export {
  createTrainer,
  type ModelLoss,
  NoGradientError,
  type Trainer,
  type TrainerOptions,
} from "./trainer.ts";

/**
 * dualtail as a library. Everything here loads without onnxruntime; it is loaded when the first graph is compiled.
 * Losses, PEFT methods, backbones and data sets are written against `dualtail/plugin-api`.
 * @module
 */

export type { Container } from "inversify";
export { differentiate } from "./autodiff/index.ts";
export {
  type CheckOptions,
  type CheckReport,
  type CheckStyle,
  checkPlugin,
  describeReport,
  type Finding,
  type Outcome,
  type Verdict,
} from "./check/index.ts";
export { loadConfig } from "./comparison/config/index.ts";
export type { AdamWOptions, OptimizerConfig, SgdOptions } from "./comparison/config/optimizers.ts";
export type * from "./comparison/config/types.ts";
export { executeComparison } from "./comparison/execute.ts";
export type {
  Adoption,
  ComparisonResult,
  ExecuteComparison,
  ExecuteOptions,
  ResultRow,
  TrainElsewhere,
  TrainingOrder,
  TrainingOutcome,
} from "./comparison/execution-types.ts";
export { type CompareOptions, compare } from "./comparison/library/compare.ts";
export {
  type ContainerOptions,
  createContainer,
  runScope,
  type Services,
} from "./comparison/library/container.ts";
export { type OpenTrackingOptions, openTracking } from "./comparison/library/open-tracking.ts";
export {
  describePlan,
  type PlanDescription,
  type PlanJson,
  planComparison,
} from "./comparison/plan/index.ts";
export type * from "./comparison/plan/types.ts";
export {
  type AnyExecutor,
  type AnyPlugin,
  type CheckedOptions,
  type PluginByKind,
  type PluginEntry,
  PluginError,
  type PluginKind,
  type PluginOptions,
  type PluginRegistry,
  Ports,
  type PortTypes,
  type RegisteredPlugin,
  resolve,
  type Tracking,
} from "./container/index.ts";
export { type Reporter, type Stage, silentReporter } from "./container/reporter.ts";
export type { Problem } from "./container/schema/problem.ts";
export { ConfigError, DualtailError, FileError } from "./errors.ts";
export * as evaluation from "./evaluation/index.ts";
export * as exchange from "./exchange/index.ts";
export { createGraph, type Graph, parseGraph, serializeGraph, type Value } from "./graph/index.ts";
export { compile, type Program } from "./runtime/index.ts";
export type * from "./tracking/tracker.ts";

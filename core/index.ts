/**
 * dualtail as a library. Everything here loads without onnxruntime; it is loaded when the first graph is compiled.
 * Losses, PEFT methods, backbones and data sets are written against `dualtail/plugin-api`.
 */
export { differentiate } from "./autodiff/index.ts";
export { loadConfig } from "./comparison/config/index.ts";
export { executeComparison } from "./comparison/execute.ts";
export type { ComparisonResult, ExecuteOptions, ResultRow } from "./comparison/execution-types.ts";
export { describePlan, type Plan, planComparison } from "./comparison/plan/index.ts";
export { createContainer, Ports, resolve } from "./container/index.ts";
export { type Reporter, silentReporter } from "./container/reporter.ts";
export { ConfigError, DualtailError, FileError } from "./errors.ts";
export * as evaluation from "./evaluation/index.ts";
export * as exchange from "./exchange/index.ts";
export { createGraph, type Graph, parseGraph, serializeGraph, type Value } from "./graph/index.ts";
export { compile, type Program } from "./runtime/index.ts";
export type { OpenTracker, TrackedRun, Tracker } from "./tracking/tracker.ts";

/**
 * What losses, PEFT methods, backbones, data sets and sources of strata are written against, versioned: a plugin built
 * against another major version is refused.
 * @module
 */

export { ConfigError, DualtailError, FileError } from "../errors.ts";
export type { Graph, Value } from "../graph/index.ts";
export * from "./backbone.ts";
export * from "./dataset.ts";
export * from "./loss.ts";
export * from "./peft.ts";
export * from "./schema.ts";
export * from "./strata.ts";
export * from "./version.ts";

/** A plugin of any kind, its options unknown. */
export type Plugin =
  | import("./backbone.ts").BackbonePlugin<never>
  | import("./dataset.ts").DatasetPlugin<never>
  | import("./loss.ts").LossPlugin<never>
  | import("./peft.ts").PeftPlugin<never>
  | import("./strata.ts").StratumSource<never>;

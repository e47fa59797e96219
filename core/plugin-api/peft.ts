import type { Graph, Value } from "../graph/index.ts";
import type { JsonSchema } from "./schema.ts";
import { PLUGIN_API_VERSION, type Versioned } from "./version.ts";

/** The places in a transformer block that a PEFT method can change. */
export type SiteName =
  | "block" // whole block: tokens in → tokens out
  | "attn" // residual branch LN1 → attention
  | "mlp" // residual branch LN2 → MLP; input is the residual stream before LN2
  | "ln1"
  | "ln2"
  | "attn.q"
  | "attn.k"
  | "attn.v"
  | "attn.out"
  | "mlp.fc1"
  | "mlp.fc2";

/** A place in a tower, see `SiteName`. */
export interface Site {
  readonly name: SiteName;
  /** Block index from 0. */
  readonly block: number;
  /** Width of the site's input and output. */
  readonly inWidth: number;
  readonly outWidth: number;
}

/** How a trainable parameter starts. `fan` is the input width for Kaiming rules. */
export type Init =
  | { readonly kind: "zeros" }
  | { readonly kind: "constant"; readonly value: number }
  | { readonly kind: "normal"; readonly std: number; readonly mean?: number }
  | { readonly kind: "uniform"; readonly bound: number }
  | { readonly kind: "kaiming-normal"; readonly a: number; readonly fan: number }
  | { readonly kind: "kaiming-uniform"; readonly a: number; readonly fan: number }
  /** Rows of `width` uniform numbers in [−1, 1), each row scaled to length 1. */
  | { readonly kind: "unit-rows"; readonly width: number };

/** Declares a trainable parameter (name unique within the tower) and returns it as a graph value. */
export type DeclareParam = (name: string, shape: readonly number[], init: Init) => Value;

/** The shape of the tower being adapted. */
export interface TowerInfo {
  readonly width: number;
  readonly layers: number;
  readonly heads: number;
  /** Side of an image patch in pixels. */
  readonly patchSize: number;
  /** K, for default sizes that depend on it. */
  readonly classes: number;
}

/** The parts of a transformer block that have weights of their own. */
export type BlockModule = Exclude<SiteName, "block" | "attn" | "mlp">;

/** A weight of the checkpoint. */
export interface TowerWeight {
  /** Its name in the checkpoint, which is also that of the parameter it becomes. */
  readonly name: string;
  readonly shape: readonly number[];
  /** Where it is; absent outside of the transformer blocks. */
  readonly block?: number;
  readonly module?: BlockModule;
}

/** Tokens that enter a block beside the image's own. */
export interface Prompt {
  /** [tokens, width], the same for every image; appended after the sequence. */
  readonly tokens: Value;
  /** They stay in the sequence for all blocks that follow; otherwise they are cut off after this one. */
  readonly stays: boolean;
}

/** What a method does to one tower in one graph; leave out what it has no use for. */
export interface PeftSession {
  /** Called at every site with the module's input and output [B, T, width]; returns what to use instead. */
  apply?(g: Graph, site: Site, input: Value, output: Value): Value;
  /** Called at every block's input, from block 0. Of the methods chosen together, one can have it. */
  prompt?(g: Graph, block: number): Prompt | undefined;
  /** Whether a weight of the checkpoint is trained, from the value it has there. */
  trains?(weight: TowerWeight): boolean;
}

/** A method of parameter-efficient fine-tuning. */
export interface PeftPlugin<O = Record<string, unknown>> extends Versioned {
  readonly kind: "peft";
  readonly name: string;
  readonly summary: string;
  readonly options: JsonSchema;
  /**
   * Of several methods at the same site, the one with the lower number is applied first (0 when absent; equal ones in
   * the order of the configuration). The built-in ones follow LIFT: lora 10, ssf 20, adapter 30, adaptformer 40.
   */
  readonly order?: number;
  /**
   * False for a method that changes the model before the first step (prompts, random scales). Left out or true, the
   * adapted model starts as the frozen one; `dualtail check` verifies it.
   */
  readonly startsAtIdentity?: boolean;
  /**
   * Called once per tower and graph; parameters are declared through `param` as sites are met.
   * @throws ConfigError for options that do not fit the tower
   */
  begin(tower: TowerInfo, param: DeclareParam, options: O): PeftSession;
}

/** Declares a PEFT method. */
export function definePeft<O>(plugin: Omit<PeftPlugin<O>, "kind" | "apiVersion">): PeftPlugin<O> {
  return { ...plugin, kind: "peft", apiVersion: PLUGIN_API_VERSION };
}

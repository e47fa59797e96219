import type { Graph, Value } from "../graph/index.ts";
import type { JsonSchema } from "./schema.ts";

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
  | { readonly kind: "normal"; readonly std: number }
  | { readonly kind: "uniform"; readonly bound: number }
  | { readonly kind: "kaiming-normal"; readonly a: number; readonly fan: number }
  | { readonly kind: "kaiming-uniform"; readonly a: number; readonly fan: number };

/** Declares a trainable parameter (name unique within the tower) and returns it as a graph value. */
export type DeclareParam = (name: string, shape: readonly number[], init: Init) => Value;

/** The shape of the tower being adapted. */
export interface TowerInfo {
  readonly width: number;
  readonly layers: number;
  readonly heads: number;
  /** K, for default sizes that depend on it. */
  readonly classes: number;
}

export interface PeftSession {
  /** Called at every site with the frozen module's input and output [B, T, width]; returns what to use instead. */
  apply(g: Graph, site: Site, input: Value, output: Value): Value;
}

export interface PeftPlugin<O = Record<string, unknown>> {
  readonly kind: "peft";
  readonly name: string;
  readonly summary: string;
  readonly options: JsonSchema;
  /** Called once per tower and graph; parameters are declared through `param` as sites are met. */
  begin(tower: TowerInfo, param: DeclareParam, options: O): PeftSession;
}

/** Declares a PEFT method. */
export function definePeft<O>(plugin: Omit<PeftPlugin<O>, "kind">): PeftPlugin<O> {
  return { kind: "peft", ...plugin };
}

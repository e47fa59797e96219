import type { Graph, Value } from "../../graph/index.ts";
import type { DeclareParam, Init } from "../../plugin-api/index.ts";

export interface HeadInputs {
  /** [B, width]: the class token after the final LayerNorm, before the projection. */
  readonly features: Value;
  /** [K, width]: one row per class, trained. */
  readonly weight: Value;
  /** Factor s; only the cosine head has a use for it. */
  readonly scale: number;
  /** Declares what is trained beside the rows, by its name within the head. */
  readonly declare: DeclareParam;
}

/** A classifier on top of the image tower. */
export interface Head {
  readonly summary: string;
  /** How the rows start when nothing is known about the classes. */
  readonly start: (width: number) => Init;
  /** [B, K] */
  readonly logits: (g: Graph, inputs: HeadInputs) => Value;
}

/** Where only a row's direction counts, LIFT starts from rows of length 1. */
export const unitRows = (width: number): Init => ({ kind: "unit-rows", width });

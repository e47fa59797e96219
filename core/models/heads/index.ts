import type { Graph, Value } from "../../graph/index.ts";
import type { ParamStart } from "../params.ts";
import { cosine } from "./cosine.ts";
import type { Head } from "./head.ts";
import { l2Normed } from "./l2-normed.ts";
import { layerNormed } from "./layer-normed.ts";
import { linear } from "./linear.ts";

export type { Head } from "./head.ts";

/** The heads of LIFT (models/classifiers.py), by their name in a configuration. */
export const HEADS = {
  cosine,
  linear,
  "l2-normed": l2Normed,
  "layer-normed": layerNormed,
} as const satisfies Readonly<Record<string, Head>>;

export type HeadType = keyof typeof HEADS;

export interface HeadOptions {
  /** Default: cosine. */
  readonly type?: HeadType;
  /** What the names of its parameters start with; default: `head`. */
  readonly name?: string;
  readonly classes: number;
  readonly scale: number;
  /** Starting rows, [classes × width]; drawn at random, as the type has it, when absent. */
  readonly start?: ParamStart;
  /** Declares a trainable parameter: `<name>.weight` [classes, width], and `<name>.bias` [classes] where there is one. */
  readonly declare: (name: string, shape: readonly number[], start: ParamStart) => Value;
}

/** features [B, width] → logits [B, classes]. */
export function buildHead(g: Graph, features: Value, options: HeadOptions): Value {
  const { type = "cosine", name = "head", classes, scale } = options;
  const declare: HeadOptions["declare"] = (own, shape, start) =>
    options.declare(`${name}.${own}`, shape, start);
  const width = features.shape[1]!;
  const head: Head = HEADS[type];
  const weight = declare("weight", [classes, width], options.start ?? head.start(width));
  return head.logits(g, { features, weight, scale, declare });
}

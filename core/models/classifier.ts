import type { Graph, Value } from "../graph/index.ts";
import type { DeclareParam, Init, PeftPlugin } from "../plugin-api/index.ts";
import { type ImageTowerShape, imageTower, normalize, unchanged, type Weights } from "./towers/index.ts";

/** A trainable parameter as a graph declares it. */
export interface DeclaredParam {
  readonly name: string;
  readonly value: Value;
  readonly init: Init | Float32Array;
}

/** Collects the trainable parameters of a graph; `prefix` keeps several models apart. */
export function paramCollector(
  g: Graph,
  prefix = "",
): {
  declare: DeclareParam;
  declareFrom: (name: string, shape: readonly number[], values: Float32Array) => Value;
  params: DeclaredParam[];
} {
  const params: DeclaredParam[] = [];
  const add = (name: string, shape: readonly number[], init: Init | Float32Array): Value => {
    const value = g.input(`${prefix}${name}`, g.floatType, shape);
    params.push({ name: value.name, value, init });
    return value;
  };
  return { declare: add, declareFrom: add, params };
}

/** A PEFT method with its validated options. */
export interface ChosenPeft {
  readonly plugin: PeftPlugin;
  readonly options: Readonly<Record<string, unknown>>;
}

export interface ClassifierOptions {
  readonly shape: ImageTowerShape;
  readonly weights: Weights;
  readonly classes: number;
  /** None: the tower stays as it is and only the head is trained. */
  readonly peft?: ChosenPeft;
  /** Starting rows of the head, [classes × width]. */
  readonly headInit: Float32Array;
  /** Scale s of the cosine head. */
  readonly headScale: number;
  readonly prefix?: string;
}

export interface Classifier {
  /** [B, width]: the class token after the final LayerNorm. */
  readonly features: Value;
  /** [B, K]: s · cos(features, W). */
  readonly logits: Value;
  readonly params: readonly DeclaredParam[];
}

/** Image tower + PEFT modules + cosine head (LIFT, §7 of the method notes): pixels [B, C, H, W] → logits [B, K]. */
export function classifier(g: Graph, pixels: Value, options: ClassifierOptions): Classifier {
  const { shape, weights, classes, peft, headInit, headScale, prefix = "" } = options;
  const { declare, declareFrom, params } = paramCollector(g, prefix);
  const { width, layers, heads } = shape;
  const session = peft?.plugin.begin({ width, layers, heads, classes }, declare, peft.options);
  const adapt = session === undefined ? unchanged : session.apply.bind(session, g);
  const features = imageTower(g, shape, weights, pixels, adapt);
  const head = declareFrom("head.weight", [classes, width], headInit);
  const cosine = g.matmul(normalize(g, features), normalize(g, head), { transB: true });
  return { features, logits: g.mul(cosine, headScale), params };
}

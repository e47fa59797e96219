import { DualtailError } from "../errors.ts";
import { type Graph, sizeOf, type Value } from "../graph/index.ts";
import { applyPeft, type ChosenPeft } from "./apply-peft.ts";
import type { LocateTensor } from "./frozen-weights.ts";
import { buildHead, type HeadType } from "./heads/index.ts";
import { type DeclaredParam, type ParamStart, paramCollector } from "./params.ts";
import { type ImageTowerShape, imageTower, type Weights } from "./towers/index.ts";

export type { ChosenPeft } from "./apply-peft.ts";
export { type DeclaredParam, paramCollector } from "./params.ts";

export interface ClassifierOptions {
  readonly shape: ImageTowerShape;
  readonly weights: Weights;
  readonly classes: number;
  /** The methods applied together; none: the tower stays as it is and only the head is trained. */
  readonly peft?: readonly ChosenPeft[];
  /** Where the weights are, for methods that train some of them. */
  readonly locate?: LocateTensor;
  /** Default: cosine. */
  readonly headType?: HeadType;
  /** Starting rows of the head, [classes × width]; drawn at random when absent. */
  readonly headInit?: ParamStart;
  /** Scale s of the cosine head. */
  readonly headScale: number;
  /** Values to start parameters from, by name: an adapter that was trained before. */
  readonly starts?: ReadonlyMap<string, Float32Array>;
  readonly prefix?: string;
}

export interface Classifier {
  /** [B, width]: the class token after the final LayerNorm. */
  readonly features: Value;
  /** [B, K] */
  readonly logits: Value;
  readonly params: readonly DeclaredParam[];
}

/**
 * Image tower + PEFT modules + head (LIFT, §7 of the method notes): pixels [B, C, H, W] → logits [B, K].
 * @throws DualtailError when `starts` are not of parameters that there are
 */
export function classifier(g: Graph, pixels: Value, options: ClassifierOptions): Classifier {
  const { shape, classes, peft = [], headType, headInit, headScale, prefix = "" } = options;
  const collector = paramCollector(g, prefix, options.starts);
  const { declareFrom, params } = collector;
  const { width, layers, heads, patchSize } = shape;
  const { weights, adapt, promptAt } = applyPeft(g, peft, {
    ...options,
    tower: { width, layers, heads, patchSize, classes },
    collector,
  });
  const features = imageTower(g, shape, weights, pixels, adapt, promptAt);
  const logits = buildHead(g, features, {
    type: headType,
    start: headInit,
    scale: headScale,
    classes,
    declare: declareFrom,
  });
  checkStarts(options.starts, params, prefix);
  return { features, logits, params };
}

function checkStarts(
  starts: ClassifierOptions["starts"] = new Map(),
  params: readonly DeclaredParam[],
  prefix: string,
): void {
  const sizes = new Map(params.map(({ name, value }) => [name.slice(prefix.length), sizeOf(value.shape)]));
  for (const [name, { length }] of starts) {
    const size = sizes.get(name);
    if (size === length) continue;
    throw new DualtailError(
      size === undefined
        ? `there is no parameter "${name}" to start from given values`
        : `the parameter "${name}" has ${size} elements, the values to start it from ${length}`,
      { hint: "use the methods and options that the values were trained with" },
    );
  }
}

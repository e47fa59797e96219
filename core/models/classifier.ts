import { DualtailError } from "../errors.ts";
import { type Graph, sizeOf, type Value } from "../graph/index.ts";
import type { StratumLogits } from "../plugin-api/index.ts";
import { applyPeft, type ChosenPeft } from "./apply-peft.ts";
import { frozenWeights, type LocateTensor } from "./frozen-weights.ts";
import { buildHead, type HeadType } from "./heads/index.ts";
import { type ChosenStrata, strataConditionals, zeroShotLogits } from "./heads/strata.ts";
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
  /** Strata inside the backbone; the logits are then what is predicted from their conditionals. */
  readonly strata?: ChosenStrata;
  /** Values to start parameters from, by name: an adapter that was trained before. */
  readonly starts?: ReadonlyMap<string, Float32Array>;
  readonly prefix?: string;
}

export interface Classifier {
  /** [B, width]: the class token after the final LayerNorm. */
  readonly features: Value;
  /** [B, K] */
  readonly logits: Value;
  /** P(Y | x, c) of the strata, where there are some. */
  readonly strata?: readonly StratumLogits[];
  readonly params: readonly DeclaredParam[];
}

/**
 * Image tower + PEFT modules + head (LIFT, §7 of the method notes): pixels [B, C, H, W] → logits [B, K].
 * @throws DualtailError when `starts` are not of parameters that there are
 */
export function classifier(g: Graph, pixels: Value, options: ClassifierOptions): Classifier {
  const { shape, classes, peft = [], headType, headInit, headScale, strata, prefix = "" } = options;
  const collector = paramCollector(g, prefix, options.starts);
  const { declare, declareFrom, params } = collector;
  const { width, layers, heads, patchSize } = shape;
  const { weights, adapt, promptAt } = applyPeft(g, peft, {
    ...options,
    tower: { width, layers, heads, patchSize, classes },
    collector,
  });
  const features = imageTower(g, shape, weights, pixels, adapt, promptAt);
  const head = { type: headType, start: headInit, scale: headScale, classes, declare: declareFrom };
  if (strata === undefined) {
    const logits = buildHead(g, features, head);
    checkStarts(options.starts, params, prefix);
    return { features, logits, params };
  }
  const conditionals = strataConditionals(g, features, strata, {
    head,
    declare,
    frozen: () => {
      const own = checkpointWeights(g, options, params);
      const frozen = imageTower(g, shape, own, pixels);
      return { features: frozen, zeroShot: zeroShotLogits(g, frozen, own, strata.zeroShot) };
    },
  });
  checkStarts(options.starts, params, prefix);
  const logits = strata.predict(
    g,
    conditionals.map((stratum) => stratum.logits),
    conditionals.map(({ mass }) => mass),
  );
  return { features, logits, strata: conditionals, params };
}

/** The weights as the checkpoint has them: shared with the tower in training but for those that are trained. */
function checkpointWeights(
  g: Graph,
  { weights, locate, prefix = "" }: ClassifierOptions,
  params: readonly DeclaredParam[],
): Weights {
  const trained = new Set(params.map(({ name }) => name.slice(prefix.length)));
  const apart = locate && frozenWeights(g, locate, `${prefix}frozen.`);
  return (name, shape, view) => (apart && trained.has(name) ? apart : weights)(name, shape, view);
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

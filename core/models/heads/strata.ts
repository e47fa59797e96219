import { DualtailError } from "../../errors.ts";
import type { Graph, Value } from "../../graph/index.ts";
import type {
  ConditionalInputs,
  DeclareParam,
  Strata,
  StrataPredict,
  StratumLogits,
  StratumSource,
} from "../../plugin-api/index.ts";
import type { TextFeatures } from "../embed-texts.ts";
import type { ParamStart } from "../params.ts";
import { normalize, projectImage, type Weights } from "../towers/index.ts";
import { buildHead, type HeadOptions } from "./index.ts";

/** What zero-shot logits of a backbone are made of, beside its weights. */
export interface ZeroShotHead {
  readonly texts: TextFeatures;
  readonly projectionDim: number;
  /** exp(logit_scale) */
  readonly scale: number;
}

/** A source of strata with its validated options and what it has found. */
export interface ChosenStrata {
  readonly source: StratumSource;
  readonly options: Readonly<Record<string, unknown>>;
  readonly found: Strata;
  readonly predict: StrataPredict;
  readonly zeroShot: ZeroShotHead;
}

/** feature [B, d] of the frozen tower → scale · cos(image, text), [B, K] */
export function zeroShotLogits(
  g: Graph,
  features: Value,
  weights: Weights,
  { texts, projectionDim, scale }: ZeroShotHead,
): Value {
  const image = normalize(g, projectImage(g, features, weights, projectionDim));
  const text = g.constant(texts.features, [texts.classes, texts.width]);
  return g.matmul(image, text, { transB: true, alpha: scale });
}

export interface ConditionalOptions {
  /** The head as configured; sub-heads are made from it. */
  readonly head: Omit<HeadOptions, "name">;
  readonly declare: DeclareParam;
  readonly frozen: ConditionalInputs["frozen"];
}

/**
 * The strata's conditionals P(Y | x, c) from the feature [B, d].
 * @throws DualtailError for conditionals that are none: other shapes than [B, K], masses that do not sum to 1
 */
export function strataConditionals(
  g: Graph,
  features: Value,
  { source, options, found }: Pick<ChosenStrata, "source" | "options" | "found">,
  { head, declare, frozen }: ConditionalOptions,
): readonly StratumLogits[] {
  const [batch, width] = features.shape as [number, number];
  const constants = new Map<string, Value>();
  let frozenValues: ReturnType<ConditionalInputs["frozen"]> | undefined;
  const strata = source.conditionals(
    g,
    {
      features,
      classes: head.classes,
      strata: found,
      frozen: () => (frozenValues ??= frozen()),
      head: (input, { name = "head", columns } = {}) => {
        const start = startAt(head.start, head.classes, width, input.shape[1]!, columns);
        return buildHead(g, input, { ...head, name, ...(start === undefined ? {} : { start }) });
      },
      constant: (name) => {
        const tensor = found.tensors[name];
        if (tensor === undefined) throw new RangeError(`the strata have no tensor "${name}"`);
        const data = g.floatType === "float64" ? Float64Array.from(tensor.data) : tensor.data;
        const value = constants.get(name) ?? g.constant(data, tensor.shape);
        constants.set(name, value);
        return value;
      },
      param: declare,
    },
    options,
  );
  const refused = (what: string) =>
    new DualtailError(`the source of strata "${source.name}" gives ${what}`, {
      hint: "it is a fault of the plugin",
    });
  for (const { logits } of strata) {
    if (logits.shape.join() !== `${batch},${head.classes}`)
      throw refused(`logits of shape [${logits.shape}], not [${batch},${head.classes}]`);
  }
  const total = strata.reduce((sum, { mass }) => sum + mass, 0);
  if (!strata.every(({ mass }) => mass > 0) || Math.abs(total - 1) > 1e-5)
    throw refused(
      `conditionals of masses ${strata.map(({ mass }) => mass).join(", ") || "none"}, not summing to 1`,
    );
  return strata;
}

/**
 * Starting rows of a head whose input begins with some columns of the feature: those columns of the rows [K × width],
 * and 0 for the rest of the input. Undefined, so that rows are drawn at random, where the rows follow a rule.
 */
function startAt(
  start: ParamStart | undefined,
  classes: number,
  width: number,
  inputWidth: number,
  columns: readonly number[] = [...Array(width).keys()],
): ParamStart | undefined {
  if (start === undefined || (!(start instanceof Float32Array) && typeof start !== "function"))
    return undefined;
  const take = (rows: Float32Array): Float32Array => {
    const out = new Float32Array(classes * inputWidth);
    for (let k = 0; k < classes; k++)
      for (const [i, column] of columns.entries()) out[k * inputWidth + i] = rows[k * width + column]!;
    return out;
  };
  return start instanceof Float32Array ? take(start) : async () => take(await start());
}

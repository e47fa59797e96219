import { createGraph, type FloatType, type Graph, type Value } from "../../graph/index.ts";
import * as losses from "../../losses/index.ts";
import { lossProgram } from "../../losses/program.ts";
import type { LossRecipe, StrataPredict } from "../../plugin-api/index.ts";
import { compile, type Results } from "../../runtime/index.ts";
import { declared } from "./declared.ts";
import type { LossProblem } from "./problem.ts";

export type { TrainedRecipe } from "../../losses/index.ts";

type TrainedRecipe = losses.TrainedRecipe;

/** Numbers that go into a program in place of the problem's. */
export type Point = Pick<LossProblem, "logits" | "labels"> & Partial<Pick<LossProblem, "zeroShot">>;

/** A loss as a compiled graph. */
export interface OpenLoss {
  at(point: Point): Promise<{ readonly loss: number; readonly gradients: readonly losses.Floats[] }>;
  release(): Promise<void>;
}

/** A prediction as a compiled graph: [B × K] scores. */
export interface OpenPrediction {
  at(point: Point): Promise<Float64Array>;
  release(): Promise<void>;
}

const priorOf = (counts: readonly number[]) => {
  const total = counts.reduce((sum, count) => sum + count, 0);
  return counts.map((count) => count / total);
};

const logitInputs = (g: Graph, p: LossProblem, name: "logits" | "zeroShot"): Value[] =>
  p.masses.map((_, m) => g.input(`${name}${m}`, g.floatType, [p.batch, p.classes]));

const floatsOf = (values: ArrayLike<number>, floatType: FloatType): losses.Floats =>
  floatType === "float64" ? Float64Array.from(values) : Float32Array.from(values);

/**
 * The loss of a recipe over logits that are inputs of `g`, its priors constants as in training.
 * @throws UndeclaredInput when building fails after something was read that `needs` does not name
 */
export function buildLoss(g: Graph, recipe: TrainedRecipe, p: LossProblem): { loss: Value; logits: Value[] } {
  const logits = logitInputs(g, p, "logits");
  const loss = losses.buildLoss(g, declared(recipe), {
    logits,
    labels: g.input("labels", "int64", [p.batch]),
    classPrior: g.constant(priorOf(p.classCounts), [p.classes]),
    classCounts: p.classCounts,
    pretrainPrior: g.constant(p.pretrainPrior[0]!, [p.classes]),
    masses: p.masses,
  });
  return { loss, logits };
}

/** What goes into a program by `buildLoss` or `buildPrediction`. */
export const feedsOf = (p: Point, floatType: FloatType): Results => ({
  labels: BigInt64Array.from(p.labels, BigInt),
  ...Object.fromEntries(p.logits.map((z, m) => [`logits${m}`, floatsOf(z, floatType)])),
  ...Object.fromEntries((p.zeroShot ?? []).map((z, m) => [`zeroShot${m}`, floatsOf(z, floatType)])),
});

/** Compiles a recipe's loss and its gradients by the logits, for problems of these sizes and priors. */
export async function openLoss(
  recipe: TrainedRecipe,
  p: LossProblem,
  floatType: FloatType,
): Promise<OpenLoss> {
  const { batch, classes, classCounts, masses } = p;
  const program = await lossProgram(declared(recipe), {
    batch,
    classes,
    classCounts,
    masses,
    models: masses.length,
    floatType,
  });
  const floats = (values: ArrayLike<number>) => floatsOf(values, floatType);
  const priors = { classPrior: floats(priorOf(classCounts)), pretrainPrior: floats(p.pretrainPrior[0]!) };
  return {
    at: ({ logits, labels }) =>
      program.run({ ...priors, logits: logits.map(floats), labels: BigInt64Array.from(labels, BigInt) }),
    release: () => program.release(),
  };
}

/** What predicts in a recipe; undefined where the logits of the one model are the prediction. */
export function predictOf(recipe: LossRecipe): StrataPredict | undefined {
  return recipe.mode === "single" ? recipe.strata?.predict : recipe.predict;
}

/**
 * Scores over logits that are inputs of `g`, as a comparison builds them.
 * @throws UndeclaredInput when building fails after something was read that `needs` does not name
 */
export function buildPrediction(g: Graph, recipe: LossRecipe, p: LossProblem): Value {
  const isUntrained = recipe.mode === "post-hoc" && recipe.base === undefined;
  return losses.buildPrediction(g, declared(recipe), {
    logits: isUntrained ? [] : logitInputs(g, p, "logits"),
    zeroShot: losses.predictionNeeds(recipe).includes("zeroShot") ? logitInputs(g, p, "zeroShot") : [],
    pretrainPrior: p.pretrainPrior.map((values) => g.constant(values, [p.classes])),
    classPrior: g.constant(priorOf(p.classCounts), [p.classes]),
    masses: p.masses,
  });
}

export async function openPrediction(
  recipe: LossRecipe,
  p: LossProblem,
  floatType: FloatType,
): Promise<OpenPrediction> {
  const g = createGraph({ floatType });
  const scores = buildPrediction(g, recipe, p);
  const program = await compile(g, { scores }, { optimize: "none", threads: 1 });
  return {
    at: async (point) =>
      Float64Array.from((await program.run(feedsOf(point, floatType))).scores as losses.Floats),
    release: () => program.release(),
  };
}

import { type Cell, strataCount } from "../plan/index.ts";
import type { PreparedBackbone } from "./backbone.ts";
import type { ExecutionContext } from "./context.ts";
import { combineLogits, type PostHocData } from "./predictions.ts";

/** Test scores [N_test, K] of a post-hoc cell from the test logits of the runs it combines, in the order of `dependsOn`. */
export async function combineCell(
  context: Pick<ExecutionContext, "classPrior" | "dataset" | "compile">,
  cell: Cell,
  backbones: readonly Pick<PreparedBackbone, "zeroShot" | "prior">[],
  logits: readonly Float32Array[],
): Promise<Float32Array> {
  const { dataset, compile } = context;
  const data = await neededBy(context, cell, backbones);
  return combineLogits(cell.recipe, logits, dataset.classNames.length, compile, data);
}

async function neededBy(
  { classPrior }: Pick<ExecutionContext, "classPrior">,
  cell: Cell,
  backbones: readonly Pick<PreparedBackbone, "zeroShot" | "prior">[],
): Promise<PostHocData> {
  const needs = (cell.recipe.mode === "post-hoc" && cell.recipe.needs) || [];
  // The strata of one backbone are its runs: each has the backbone's own.
  const strata = Array.from({ length: strataCount(cell) }, (_, m) => backbones[m] ?? backbones[0]!);
  const zeroShots = async () => Promise.all(strata.map(async (own) => (await own.zeroShot("test")).logits));
  const priors = async () => Promise.all(strata.map(async (own) => (await own.prior()).prior));
  return {
    ...(needs.includes("zeroShot") ? { zeroShot: await zeroShots() } : {}),
    ...(needs.includes("pretrainPrior") ? { pretrainPrior: await priors() } : {}),
    ...(needs.includes("classPrior") ? { classPrior } : {}),
  };
}

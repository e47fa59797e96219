import { join } from "node:path";
import { createGraph } from "../../graph/index.ts";
import { readSafetensorsHeader, readTensor, writeSafetensors } from "../../models/checkpoint/safetensors.ts";
import type { LossRecipe } from "../../plugin-api/index.ts";
import { type CompileOptions, compile } from "../../runtime/index.ts";

/** In a cell's folder and among its run's artifacts. */
export const TEST_LOGITS_FILE = "test-logits.safetensors";

/** Keeps the test logits of a trained cell, one tensor [N, K] per backbone, for cells that combine it with others. */
export async function saveTestLogits(
  folder: string,
  logits: readonly Float32Array[],
  classes: number,
): Promise<string> {
  const file = join(folder, TEST_LOGITS_FILE);
  await writeSafetensors(
    file,
    Object.fromEntries(
      logits.map((data, m) => [
        `logits.${m}`,
        { dtype: "F32" as const, shape: [data.length / classes, classes], data },
      ]),
    ),
  );
  return file;
}

/** Test logits of a cell that was trained with one backbone. */
export async function loadTestLogits(folder: string): Promise<Float32Array> {
  return readTensor(await readSafetensorsHeader(join(folder, TEST_LOGITS_FILE)), "logits.0");
}

/** Masses P(c), normalised; uniform when the recipe gives none. */
export function strataMasses(recipe: LossRecipe, strata: number): number[] {
  const raw = ("strataWeights" in recipe && recipe.strataWeights) || Array<number>(strata).fill(1);
  const total = raw.reduce((sum, weight) => sum + weight, 0);
  return raw.map((weight) => weight / total);
}

/** What a post-hoc recipe `needs`, per stratum: zero-shot logits [N, K], priors [K]. */
export interface PostHocData {
  readonly zeroShot?: readonly Float32Array[];
  readonly pretrainPrior?: readonly ArrayLike<number>[];
  readonly classPrior?: ArrayLike<number>;
}

/**
 * Class scores [N, K] of a recipe from the logits of its strata: they themselves, or combined. A recipe without a base
 * has no logits, but zero-shot ones.
 */
export async function combineLogits(
  recipe: LossRecipe,
  logits: readonly Float32Array[],
  classes: number,
  options: CompileOptions,
  data: PostHocData = {},
): Promise<Float32Array> {
  if (recipe.mode === "single") return logits[0]!;
  const { zeroShot, pretrainPrior, classPrior } = data;
  const count = (logits[0] ?? zeroShot![0]!).length / classes;
  const g = createGraph();
  const feeds: Record<string, Float32Array> = {};
  const input = (name: string, own: Float32Array) => {
    feeds[name] = own;
    return g.input(name, "float32", [count, classes]);
  };
  const vector = (prior: ArrayLike<number>) => g.constant(Float32Array.from(prior), [classes]);
  const scores = recipe.predict(
    g,
    logits.map((own, m) => input(`logits.${m}`, own)),
    strataMasses(recipe, logits.length || zeroShot!.length),
    {
      ...(zeroShot ? { zeroShot: zeroShot.map((own, m) => input(`zeroShot.${m}`, own)) } : {}),
      ...(pretrainPrior ? { pretrainPrior: pretrainPrior.map(vector) } : {}),
      ...(classPrior ? { classPrior: vector(classPrior) } : {}),
    },
  );
  const program = await compile(g, { scores }, options);
  try {
    return (await program.run(feeds)).scores as Float32Array;
  } finally {
    await program.release();
  }
}

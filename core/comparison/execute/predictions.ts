import { join } from "node:path";
import { createGraph } from "../../graph/index.ts";
import { readSafetensorsHeader, readTensor, writeSafetensors } from "../../models/checkpoint/safetensors.ts";
import type { LossRecipe } from "../../plugin-api/index.ts";
import { type CompileOptions, compile } from "../../runtime/index.ts";

const FILE = "test-logits.safetensors";

/** Keeps the test logits of a trained cell, one tensor [N, K] per backbone, for cells that combine it with others. */
export async function saveTestLogits(
  folder: string,
  logits: readonly Float32Array[],
  classes: number,
): Promise<string> {
  const file = join(folder, FILE);
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
  return readTensor(await readSafetensorsHeader(join(folder, FILE)), "logits.0");
}

/** Masses P(c), normalised; uniform when the recipe gives none. */
export function strataMasses(recipe: LossRecipe, strata: number): number[] {
  const raw = ("strataWeights" in recipe && recipe.strataWeights) || Array<number>(strata).fill(1);
  const total = raw.reduce((sum, weight) => sum + weight, 0);
  return raw.map((weight) => weight / total);
}

/** Class scores [N, K] of a recipe from the logits of its backbones: they themselves, or combined over strata. */
export async function combineLogits(
  recipe: LossRecipe,
  logits: readonly Float32Array[],
  classes: number,
  options: CompileOptions,
): Promise<Float32Array> {
  if (recipe.mode === "single") return logits[0]!;
  const count = logits[0]!.length / classes;
  const g = createGraph();
  const inputs = logits.map((_, m) => g.input(`logits.${m}`, "float32", [count, classes]));
  const scores = recipe.predict(g, inputs, strataMasses(recipe, logits.length));
  const program = await compile(g, { scores }, options);
  try {
    const feeds = Object.fromEntries(logits.map((data, m) => [`logits.${m}`, data]));
    return (await program.run(feeds)).scores as Float32Array;
  } finally {
    await program.release();
  }
}

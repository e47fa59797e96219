import { createGraph } from "../../core/graph/index.ts";
import type { LossRecipe } from "../../core/plugin-api/index.ts";
import { compile } from "../../core/runtime/index.ts";

/** Matrices by rows, all [N][K]; priors [K]. */
export interface ScoreInputs {
  readonly logits?: readonly (readonly (readonly number[])[])[];
  readonly masses: readonly number[];
  readonly zeroShot?: readonly (readonly (readonly number[])[])[];
  readonly pretrainPrior?: readonly (readonly number[])[];
  readonly classPrior?: readonly number[];
}

/** Scores [N][K] of a post-hoc recipe in double precision, given exactly what it `needs`. */
export async function predictScores(recipe: LossRecipe, inputs: ScoreInputs): Promise<number[][]> {
  if (recipe.mode !== "post-hoc") throw new TypeError(`the recipe is ${recipe.mode}`);
  const { logits = [], masses, zeroShot, pretrainPrior, classPrior } = inputs;
  const needs = recipe.needs ?? [];
  const g = createGraph({ floatType: "float64" });
  const matrix = (rows: readonly (readonly number[])[]) =>
    g.constant(rows.flat(), [rows.length, rows[0]!.length]);
  const vector = (values: readonly number[]) => g.constant([...values], [values.length]);
  const scores = recipe.predict(g, logits.map(matrix), masses, {
    ...(needs.includes("zeroShot") && zeroShot ? { zeroShot: zeroShot.map(matrix) } : {}),
    ...(needs.includes("pretrainPrior") && pretrainPrior ? { pretrainPrior: pretrainPrior.map(vector) } : {}),
    ...(needs.includes("classPrior") && classPrior ? { classPrior: vector(classPrior) } : {}),
  });
  const program = await compile(g, { scores }, { optimize: "none", threads: 1 });
  const out = Array.from((await program.run({})).scores as Float64Array);
  await program.release();
  const [count, classes] = scores.shape as [number, number];
  return Array.from({ length: count }, (_, i) => out.slice(i * classes, (i + 1) * classes));
}

const [N, K] = [5, 4];

/** Three strata of 5 images and 4 classes; equal for equal `which`. */
export const sample = {
  logits: (which: number): number[][] =>
    Array.from({ length: N }, (_, i) =>
      Array.from({ length: K }, (_, k) => 4 * Math.sin(2.3 * (i * K + k) + 1.7 * which)),
    ),
  prior: (which: number): number[] => {
    const raw = Array.from({ length: K }, (_, k) => 1 + k * (which + 1));
    const total = raw.reduce((a, b) => a + b, 0);
    return raw.map((value) => value / total);
  },
};

/** The textbook's mean over strata, in one space. */
export function averaged(
  space: "logit" | "probability",
  strata: readonly (readonly (readonly number[])[])[],
  masses: readonly number[],
): number[][] {
  const softmax = (row: readonly number[]) => {
    const total = row.reduce((sum, z) => sum + Math.exp(z), 0);
    return row.map((z) => Math.exp(z) / total);
  };
  return strata[0]!.map((first, i) =>
    first.map((_, k) => {
      const terms = strata.map((z, m) => masses[m]! * (space === "logit" ? z[i]![k]! : softmax(z[i]!)[k]!));
      const sum = terms.reduce((a, b) => a + b, 0);
      return space === "logit" ? sum : Math.log(sum);
    }),
  );
}

/** Largest absolute difference of two matrices. */
export const farthest = (a: readonly (readonly number[])[], b: readonly (readonly number[])[]): number =>
  Math.max(...a.flatMap((row, i) => row.map((value, k) => Math.abs(value - b[i]![k]!))));

import type { LossInputs, LossRecipe, PostHocInputs } from "../../plugin-api/index.ts";

/** Inputs that a recipe reads although it does not say that it needs them. */
export class UndeclaredInput extends TypeError {}

const undeclared = (read: readonly string[], cause: unknown) =>
  new UndeclaredInput(
    `it reads ${read.map((name) => `\`${name}\``).join(" and ")}, which is there only when \`needs: ${JSON.stringify(read)}\` says so`,
    { cause },
  );

/**
 * The recipe, with an error that names the cause where it fails after it read what its `needs` does not name: an
 * UndeclaredInput.
 */
export function declared<R extends LossRecipe>(recipe: R): R {
  if (recipe.mode === "joint") return recipe;
  const needs: readonly string[] = recipe.needs ?? [];
  const watched = <I extends object, T>(
    inputs: I | undefined,
    names: readonly (keyof I & string)[],
    use: (inputs: I) => T,
  ): T => {
    const read = new Set<string>();
    const absent = names.filter((name) => !needs.includes(name));
    const seen = { ...inputs } as I;
    for (const name of absent) {
      Object.defineProperty(seen, name, { enumerable: true, get: () => void read.add(name) });
    }
    try {
      return use(seen);
    } catch (cause) {
      throw read.size === 0 ? cause : undeclared([...read], cause);
    }
  };
  if (recipe.mode === "single") {
    const build: typeof recipe.build = (g, inputs) =>
      watched<LossInputs, ReturnType<typeof recipe.build>>(inputs, ["pretrainPrior"], (seen) =>
        recipe.build(g, seen),
      );
    return { ...recipe, build };
  }
  const predict: typeof recipe.predict = (g, logits, masses, inputs) =>
    watched<PostHocInputs, ReturnType<typeof recipe.predict>>(
      inputs,
      ["zeroShot", "pretrainPrior", "classPrior"],
      (seen) => recipe.predict(g, logits, masses, seen),
    );
  return { ...recipe, predict };
}

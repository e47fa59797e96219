import type { PoolContext, PoolItem } from "../../plugins/datasets/icons-lt/pool.ts";
import { spread } from "../../plugins/datasets/icons-lt/split.ts";
import { sets } from "../../plugins/datasets/icons-lt/vocabulary.ts";
import { drawOrder, largestFirst, longTailCounts } from "../../plugins/datasets/shared/long-tail.ts";
import { shuffled, uniform } from "../../plugins/datasets/shared/random.ts";
import { orderedCounts } from "./ordered.ts";
import { IMAGE_SIZE, type PretrainPool, readPretrainPool } from "./pool.ts";
import { type CorpusName, type Recipe, recipes, templates } from "./recipes.ts";

/** One picture and what it shows. */
export interface CorpusItem {
  /** size × size grey pixels, black on white */
  readonly pixels: Uint8Array;
  /** Index into `concepts`. */
  readonly concept: number;
}

/** A pre-training corpus whose concept counts are chosen, not found. */
export interface IconCorpus {
  readonly name: string;
  /** Width and height of every picture. */
  readonly size: number;
  readonly items: readonly CorpusItem[];
  /** Names for captions; downstream classes first. */
  readonly concepts: readonly string[];
  /** Caption templates with `{}` for the concept. */
  readonly templates: readonly string[];
  /** For pretraining.json: what was chosen, and the counts that came of it. */
  readonly record: PretrainingRecord;
}

export interface PretrainingRecord extends Readonly<Record<string, unknown>> {
  readonly corpus: string;
  readonly recipe: Recipe;
  readonly images: number;
  /** Images per concept, downstream classes first. */
  readonly counts: Readonly<Record<string, number>>;
  readonly pool: { readonly images: number; readonly concepts: number; readonly classes: number };
  /** "prefix@version" */
  readonly sets: readonly string[];
  readonly templates: readonly string[];
}

/** Draws the corpus `name` from the pretrain-role icon sets. @throws DualtailError for missing icon packages. */
export async function buildCorpus(name: CorpusName, context: PoolContext): Promise<IconCorpus> {
  return drawCorpus(name, await readPretrainPool(context), recipes[name]);
}

/** Draws a corpus from a pool that is there already. */
export function drawCorpus(name: string, pool: PretrainPool, recipe: Recipe): IconCorpus {
  const counts = conceptCounts(pool, recipe);
  const items = pool.items.flatMap((members, concept) =>
    spread(members, uniform("corpus", recipe.seed, pool.concepts[concept]!))
      .slice(0, counts[concept])
      .map(({ pixels }: PoolItem) => ({ pixels, concept })),
  );
  return {
    name,
    size: IMAGE_SIZE,
    items,
    concepts: pool.concepts,
    templates,
    record: {
      corpus: name,
      recipe,
      images: items.length,
      counts: Object.fromEntries(pool.concepts.map((concept, i) => [concept, counts[i]!])),
      pool: {
        images: pool.items.flat().length,
        concepts: pool.concepts.length,
        classes: pool.classes,
      },
      sets: sets
        .filter(({ role }) => role === "pretrain")
        .map(({ prefix, version }) => `${prefix}@${version}`),
      templates,
    },
  };
}

/** Images to take of each concept of the pool; never more than there are. */
export function conceptCounts(pool: PretrainPool, recipe: Recipe): number[] {
  const available = pool.items.map((members) => members.length);
  if (recipe.kind === "capped") return available.map((count) => Math.min(count, recipe.cap));
  if (recipe.kind === "ordered") return orderedCounts(available, pool.classes, recipe);
  const { first, ratio, otherFirst, otherRatio, seed } = recipe;
  const classes = available.slice(0, pool.classes);
  const ranks = longTailCounts(classes.length, Math.min(first, largestFirst(classes, ratio)), ratio);
  const counts = [...available];
  drawOrder(classes, ranks, uniform("corpus", "classes", seed)).forEach((concept, rank) => {
    counts[concept] = ranks[rank]!;
  });
  // Few other concepts have as many icons as the head asks for, so their order ignores what there is.
  const others = Array.from({ length: available.length - pool.classes }, (_, i) => pool.classes + i);
  const wanted = longTailCounts(others.length, otherFirst, otherRatio);
  shuffled(others, uniform("corpus", "others", seed)).forEach((concept, rank) => {
    counts[concept] = Math.min(available[concept]!, wanted[rank]!);
  });
  return counts;
}

import { type CatalogItem, readCatalog } from "../../plugins/datasets/icons-lt/catalog.ts";
import {
  distinct,
  type PoolContext,
  type PoolItem,
  readDownstreamPool,
  unlike,
  withPixels,
} from "../../plugins/datasets/icons-lt/pool.ts";
import { classNames } from "../../plugins/datasets/icons-lt/vocabulary.ts";
import { isBrand } from "./brands.ts";

/** A concept besides the downstream classes is used when this many icons by this many designers show it. */
const MIN_ICONS = 6;
const MIN_DESIGNERS = 2;

export const IMAGE_SIZE = 32;

/** Everything the corpora are drawn from: icons by concept, downstream classes first. */
export interface PretrainPool {
  readonly concepts: readonly string[];
  /** How many of `concepts` are downstream classes. */
  readonly classes: number;
  /** Items per concept. */
  readonly items: readonly (readonly PoolItem[])[];
}

/** Distinct pretrain-role icons that look like no icon of the downstream task. */
export async function readPretrainPool(context: PoolContext): Promise<PretrainPool> {
  const catalog = (await readCatalog(["pretrain"], context.baseDir)).filter(
    ({ concept }) => !isBrand(concept),
  );
  const used = new Set([...classNames, ...frequentConcepts(catalog)]);
  const candidates = catalog.filter(({ concept }) => used.has(concept));
  const drawn = distinct(await withPixels("pretrain", candidates, IMAGE_SIZE, context));
  const downstream = await readDownstreamPool(context, IMAGE_SIZE);
  const items = unlike(drawn, [...downstream.train, ...downstream.test], IMAGE_SIZE);
  const byConcept = new Map<string, PoolItem[]>(classNames.map((name) => [name, []]));
  for (const item of items) {
    const members = byConcept.get(item.concept);
    if (members) members.push(item);
    else byConcept.set(item.concept, [item]);
  }
  const concepts = [...byConcept.keys()].filter(
    (concept, i) => i < classNames.length || byConcept.get(concept)!.length >= MIN_ICONS,
  );
  return { concepts, classes: classNames.length, items: concepts.map((concept) => byConcept.get(concept)!) };
}

/** Concepts with enough icons and designers, in alphabetical order. */
function frequentConcepts(items: readonly CatalogItem[]): string[] {
  const seen = new Map<string, { count: number; groups: Set<string> }>();
  for (const { concept, group } of items) {
    const entry = seen.get(concept) ?? { count: 0, groups: new Set() };
    entry.count++;
    entry.groups.add(group);
    seen.set(concept, entry);
  }
  return [...seen]
    .filter(([, { count, groups }]) => count >= MIN_ICONS && groups.size >= MIN_DESIGNERS)
    .map(([concept]) => concept)
    .sort();
}

import type { DatasetContext } from "../../../core/plugin-api/index.ts";
import { type CatalogItem, readCatalog } from "./catalog.ts";
import { coarseKey, exactKey, isBlank } from "./likeness.ts";
import { cachedRasters } from "./raster-cache.ts";
import { classNames } from "./vocabulary.ts";

/** An icon and its picture. */
export interface PoolItem extends Omit<CatalogItem, "icon"> {
  /** side × side grey pixels */
  readonly pixels: Uint8Array;
}

/** What the downstream task is drawn from. */
export interface DownstreamPool {
  readonly train: readonly PoolItem[];
  readonly test: readonly PoolItem[];
}

export type PoolContext = Pick<DatasetContext, "cacheDir" | "baseDir" | "progress" | "warn">;

/**
 * The distinct icons of the downstream classes. Blank and repeated rasters are gone, so are rasters that stand for two
 * classes, and train-role icons that look like a test-role icon.
 */
export async function readDownstreamPool(context: PoolContext, side: number): Promise<DownstreamPool> {
  const wanted = new Set(classNames);
  const items = (await readCatalog(["train", "test"], context.baseDir)).filter(({ concept }) =>
    wanted.has(concept),
  );
  const pool = distinct(await withPixels("downstream", items, side, context));
  const test = pool.filter(({ role }) => role === "test");
  return {
    train: unlike(
      pool.filter(({ role }) => role === "train"),
      test,
      side,
    ),
    test,
  };
}

/** Draws the items, or takes their rasters from the cache `name`. */
export async function withPixels(
  name: string,
  items: readonly CatalogItem[],
  side: number,
  context: PoolContext,
): Promise<PoolItem[]> {
  const rasters = await cachedRasters(name, items, side, context);
  const area = side * side;
  return items.map(({ icon: _, ...item }, i) => ({
    ...item,
    pixels: rasters.subarray(i * area, (i + 1) * area),
  }));
}

/**
 * Drops blank rasters, all but one of equal rasters (a test-role one stays before a train-role one), and every raster
 * that two concepts share.
 */
export function distinct(items: readonly PoolItem[]): PoolItem[] {
  const groups = new Map<string, PoolItem[]>();
  for (const item of items) {
    if (isBlank(item.pixels)) continue;
    const key = exactKey(item.pixels);
    const group = groups.get(key);
    if (group) group.push(item);
    else groups.set(key, [item]);
  }
  return [...groups.values()]
    .filter((group) => group.every(({ concept }) => concept === group[0]!.concept))
    .map((group) => group.find(({ role }) => role === "test") ?? group[0]!);
}

/** The items whose coarse look none of `others` has. */
export function unlike(items: readonly PoolItem[], others: readonly PoolItem[], side: number): PoolItem[] {
  const looks = new Set(others.map(({ pixels }) => coarseKey(pixels, side)));
  return items.filter(({ pixels }) => !looks.has(coarseKey(pixels, side)));
}

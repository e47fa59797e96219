import type { Batch } from "../../mlflow-js-client/index.ts";

/** One thing of a batch. */
export type Item =
  | ({ readonly what: "metric" } & NonNullable<Batch["metrics"]>[number])
  | { readonly what: "param" | "tag"; readonly key: string; readonly value: string };

export const toItems = (
  { params = {}, tags = {} }: Batch,
  metrics: NonNullable<Batch["metrics"]>,
): Item[] => [
  ...Object.entries(params).map(([key, value]) => ({ what: "param", key, value }) as const),
  ...metrics.map((point) => ({ what: "metric", ...point }) as const),
  ...Object.entries(tags).map(([key, value]) => ({ what: "tag", key, value }) as const),
];

export function toBatch(items: readonly Item[]): Required<Batch> {
  const texts = (what: "param" | "tag") =>
    Object.fromEntries(items.flatMap((item) => (item.what === what ? [[item.key, item.value]] : [])));
  const metrics = items.flatMap((item) => {
    if (item.what !== "metric") return [];
    const { what: _, ...point } = item;
    return [point];
  });
  return { metrics, params: texts("param"), tags: texts("tag") };
}

/** The second half before the first; of one item, itself; of none, none. */
export function halves(items: readonly Item[]): Item[][] {
  const middle = items.length >> 1;
  return [items.slice(middle), items.slice(0, middle)].filter(({ length }) => length > 0);
}

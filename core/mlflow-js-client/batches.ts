import type { Metric } from "./types.ts";
import { fromMetric, toPairs, type WireMetric, type WirePair } from "./wire.ts";

/** What one run gets: any number of metrics, params and tags. */
export interface Batch {
  readonly metrics?: readonly Metric[];
  readonly params?: Readonly<Record<string, string>>;
  readonly tags?: Readonly<Record<string, string>>;
}

export interface WireBatch {
  readonly metrics: WireMetric[];
  readonly params: WirePair[];
  readonly tags: WirePair[];
}

/** MLflow's limits for one call of `runs/log-batch`. */
export const BATCH_LIMITS = {
  metrics: 1000,
  params: 100,
  tags: 100,
  entities: 1000,
  bytes: 1_000_000,
} as const;

/** Room for the run's id and the JSON around the lists. */
const OVERHEAD = 1000;

/**
 * Cuts a batch into as few calls as the limits allow, keeping the order of each list: params, metrics, tags, which is
 * the order in which the server applies one call. A tag that says how far a client came is never ahead of the data.
 */
export function splitBatch(batch: Batch): WireBatch[] {
  const whole = {
    metrics: (batch.metrics ?? []).map(fromMetric),
    params: toPairs(batch.params),
    tags: toPairs(batch.tags),
  };
  if (count(whole) === 0) return [];
  return isOneCall(whole) ? [whole] : cut(whole);
}

const count = ({ metrics, params, tags }: WireBatch): number => metrics.length + params.length + tags.length;

const isOneCall = (batch: WireBatch): boolean =>
  batch.metrics.length <= BATCH_LIMITS.metrics &&
  batch.params.length <= BATCH_LIMITS.params &&
  batch.tags.length <= BATCH_LIMITS.tags &&
  count(batch) <= BATCH_LIMITS.entities &&
  Buffer.byteLength(JSON.stringify(batch)) <= BATCH_LIMITS.bytes - OVERHEAD;

function cut({ metrics, params, tags }: WireBatch): WireBatch[] {
  const items = [
    ...params.map((item) => ({ list: "params", item }) as const),
    ...metrics.map((item) => ({ list: "metrics", item }) as const),
    ...tags.map((item) => ({ list: "tags", item }) as const),
  ];
  const batches: WireBatch[] = [];
  let current: WireBatch = { metrics: [], params: [], tags: [] };
  let entities = 0;
  let bytes = OVERHEAD;
  for (const { list, item } of items) {
    const size = Buffer.byteLength(JSON.stringify(item)) + 1;
    const full =
      entities === BATCH_LIMITS.entities ||
      current[list].length === BATCH_LIMITS[list] ||
      (entities > 0 && bytes + size > BATCH_LIMITS.bytes);
    if (full) {
      batches.push(current);
      current = { metrics: [], params: [], tags: [] };
      entities = 0;
      bytes = OVERHEAD;
    }
    (current[list] as unknown[]).push(item);
    entities += 1;
    bytes += size;
  }
  if (entities > 0) batches.push(current);
  return batches;
}

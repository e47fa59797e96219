import type { JournalEntry, RunEvent } from "../disk/journal.ts";
import type { MetricPoint } from "../tracker.ts";

/** What goes to the server in one request, with the position that it brings the run to. */
export interface DeliveryBatch {
  readonly metrics: readonly MetricPoint[];
  readonly params: Readonly<Record<string, string>>;
  readonly tags: Readonly<Record<string, string>>;
  /** Bytes of the journal that are delivered with it. */
  readonly end: number;
}

/** Below MLflow's limits for one call of log-batch, with room for the position. */
const LIMITS = { items: 990, params: 100, tags: 90, bytes: 800_000 };

/**
 * The next request from a journal: as many of its next events as one call takes, or the one event that is something
 * else. What it holds depends on where it begins alone; a journal that has grown since only makes it longer, so that a
 * request made after a crash covers the one that was under way.
 */
export async function nextDelivery(
  entries: AsyncGenerator<JournalEntry>,
): Promise<DeliveryBatch | JournalEntry | undefined> {
  const metrics: MetricPoint[] = [];
  const params: Record<string, string> = {};
  const tags: Record<string, string> = {};
  let from: number | undefined;
  let end: number | undefined;
  for await (const entry of entries) {
    const { event } = entry;
    if (!isBatched(event)) {
      if (end === undefined) return entry;
      break;
    }
    from ??= entry.end;
    const added = texts(event);
    // Both are for the server to judge: it refuses another value for a param.
    const changed = Object.entries(added.params).some(([key, value]) => (params[key] ?? value) !== value);
    const full =
      changed ||
      metrics.length + count(params) + count(tags) + size(event) > LIMITS.items ||
      count(params) + count(added.params) > LIMITS.params ||
      count(tags) + count(added.tags) > LIMITS.tags ||
      entry.end - from > LIMITS.bytes;
    if (full && end !== undefined) break;
    if (event.type === "metrics") metrics.push(...event.points);
    Object.assign(params, added.params);
    Object.assign(tags, added.tags);
    end = entry.end;
  }
  return end === undefined ? undefined : { metrics, params, tags, end };
}

type BatchedEvent = Extract<RunEvent, { type: "start" | "metrics" | "params" | "tags" }>;

// The start was sent when the run was created.
const isBatched = (event: RunEvent): event is BatchedEvent =>
  ["start", "metrics", "params", "tags"].includes(event.type);

const texts = (event: BatchedEvent) => ({
  params:
    event.type === "params"
      ? Object.fromEntries(Object.entries(event.params).map(([key, value]) => [key, String(value)]))
      : {},
  tags: event.type === "tags" ? event.tags : {},
});

const size = (event: BatchedEvent): number => {
  if (event.type === "metrics") return event.points.length;
  if (event.type === "start") return 0;
  return count(event.type === "params" ? event.params : event.tags);
};

const count = (record: object): number => Object.keys(record).length;

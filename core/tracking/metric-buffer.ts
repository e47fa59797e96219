import type { MetricPoint } from "./tracker.ts";

export interface MetricBuffer {
  /** Takes points; a full buffer is delivered before this resolves. @throws what an earlier delivery failed with */
  add(points: readonly MetricPoint[]): Promise<void>;
  /** Delivers everything. @throws what this or an earlier delivery failed with */
  flush(): Promise<void>;
}

export interface MetricBufferOptions {
  readonly deliver: (points: readonly MetricPoint[]) => Promise<void>;
  /** Points after which `add` delivers at once. Default 1000. */
  readonly size?: number;
  /** Longest time a point waits, ms. Default 2000. */
  readonly delayMs?: number;
  /** Whether points whose delivery failed with this error may be delivered later. */
  readonly keepAfter: (error: unknown) => boolean;
}

/** Gathers metric points and delivers them in their order, one delivery at a time. */
export function createMetricBuffer({
  deliver,
  size = 1000,
  delayMs = 2000,
  keepAfter,
}: MetricBufferOptions): MetricBuffer {
  let waiting: MetricPoint[] = [];
  let timer: NodeJS.Timeout | undefined;
  let delivering: Promise<void> = Promise.resolve();
  let failure: { readonly error: unknown } | undefined;

  async function deliverWaiting(): Promise<void> {
    const points = waiting;
    if (points.length === 0) return;
    waiting = [];
    try {
      await deliver(points);
    } catch (error) {
      if (keepAfter(error)) waiting = [...points, ...waiting];
      failure = { error };
    }
  }

  function start(): Promise<void> {
    clearTimeout(timer);
    timer = undefined;
    delivering = delivering.then(deliverWaiting);
    return delivering;
  }

  function surface(): void {
    if (failure === undefined) return;
    const { error } = failure;
    failure = undefined;
    throw error;
  }

  return {
    async add(points) {
      waiting.push(...points);
      surface();
      if (waiting.length >= size) {
        await start();
        surface();
      } else if (timer === undefined && waiting.length > 0) {
        timer = setTimeout(() => void start(), delayMs);
        timer.unref();
      }
    },
    async flush() {
      await start();
      surface();
    },
  };
}

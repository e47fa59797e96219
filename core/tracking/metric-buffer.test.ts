import { expect, it, vi } from "vitest";
import { createMetricBuffer } from "./metric-buffer.ts";
import type { MetricPoint } from "./tracker.ts";

const point = (step: number): MetricPoint => ({ key: "m", value: step, step, timestamp: step });
const steps = (points: readonly MetricPoint[]) => points.map(({ step }) => step);

it("delivers in order, one delivery at a time, also when one is slow", async () => {
  const delivered: number[] = [];
  let active = 0;
  const deliver = async (points: readonly MetricPoint[]) => {
    active += 1;
    expect(active).toBe(1);
    await new Promise((resolve) => setTimeout(resolve, delivered.length === 0 ? 30 : 1));
    delivered.push(...steps(points));
    active -= 1;
  };
  const buffer = createMetricBuffer({ deliver, size: 3, keepAfter: () => false });
  await Promise.all(Array.from({ length: 20 }, (_, i) => buffer.add([point(i)])));
  await buffer.flush();
  expect(delivered).toEqual(Array.from({ length: 20 }, (_, i) => i));
});

it("throws a background failure once, at the next call, and delivers the kept points later", async () => {
  const delivered: number[] = [];
  let down = true;
  const deliver = vi.fn(async (points: readonly MetricPoint[]) => {
    if (down) throw new Error("down");
    delivered.push(...steps(points));
  });
  const buffer = createMetricBuffer({ deliver, delayMs: 5, keepAfter: () => true });
  await buffer.add([point(0)]);
  await vi.waitFor(() => expect(deliver).toHaveBeenCalled());
  await expect(buffer.add([point(1)])).rejects.toThrow("down");
  down = false;
  await buffer.add([point(2)]);
  await buffer.flush();
  expect(delivered).toEqual([0, 1, 2]);
});

it("drops points that were refused, so that they do not refuse what follows", async () => {
  const delivered: number[] = [];
  const deliver = async (points: readonly MetricPoint[]) => {
    if (points.some(({ step }) => step === 0)) throw new Error("refused");
    delivered.push(...steps(points));
  };
  const buffer = createMetricBuffer({ deliver, keepAfter: () => false });
  await buffer.add([point(0)]);
  await expect(buffer.flush()).rejects.toThrow("refused");
  await buffer.add([point(1)]);
  await buffer.flush();
  expect(delivered).toEqual([1]);
});

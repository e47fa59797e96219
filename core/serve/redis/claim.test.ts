import { expect, it } from "vitest";
import type { MlflowClient, Run } from "../../mlflow-js-client/index.ts";
import type { MetricPoint, TrackedRun } from "../../tracking/index.ts";
import { withoutKnown } from "./claim.ts";

it("says nothing again that the earlier worker said, but a final result that differs", async () => {
  const info = { runId: "r" };
  const client = {
    runs: { get: async () => ({ info, params: { peft: "lora" }, metrics: [{ key: "test/overall" }] }) },
    metrics: { getHistory: async () => [{ step: 0, value: 50, timestamp: 1 }] },
  } as unknown as MlflowClient;
  const logged: unknown[] = [];
  const run = {
    logParams: async (params: unknown) => logged.push(params),
    logMetrics: async (points: readonly MetricPoint[]) => logged.push(points.map(({ value }) => value)),
  } as unknown as TrackedRun;
  const own = await withoutKnown(client, { info } as unknown as Run, run);
  const point = (value: number, step = 0): MetricPoint => ({
    key: "test/overall",
    step,
    value,
    timestamp: 2,
  });
  await own.logParams({ peft: "none", seed: 0 });
  await own.logMetrics([point(51), point(52, 1)]);
  await own.logMetrics([point(50)], { revise: true });
  await own.logMetrics([point(51)], { revise: true });
  expect(logged).toEqual([{ seed: 0 }, [52], [], [51]]);
});

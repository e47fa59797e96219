import { expect, it, vi } from "vitest";
import type { MlflowClient } from "../../mlflow-js-client/index.ts";
import { callsOf } from "./calls.ts";

vi.mock("node:os", async (original) => ({
  ...(await original<typeof import("node:os")>()),
  // As in a container whose user has no name.
  userInfo: () => {
    throw Object.assign(new Error("ENOENT: uv_os_get_passwd"), { code: "ERR_SYSTEM_ERROR" });
  },
}));

/** What creating a run with this name asks of MLflow. */
async function created(name: string) {
  const asked: { runName?: string; tags?: Record<string, string> }[] = [];
  const create = async (run: (typeof asked)[number]) => {
    asked.push(run);
    return { info: { runId: "r", experimentId: "1", status: "RUNNING" }, tags: {}, params: {}, metrics: {} };
  };
  const calls = callsOf({ runs: { create } } as unknown as MlflowClient, "1");
  await calls["POST /ajax-api/2.0/mlflow/runs/create"]!({ run_name: name, tags: [] });
  return asked[0]!;
}

it("makes requests in the name of whom the environment knows where the user has no name", async () => {
  vi.stubEnv("USER", "someone");
  expect((await created("n")).tags).toMatchObject({ "mlflow.user": "someone" });
  vi.unstubAllEnvs();
});

it("cuts a long name, but no character in two", async () => {
  expect((await created(`${"x".repeat(248)}😀😀`)).runName).toBe(`${"x".repeat(248)}…`);
});

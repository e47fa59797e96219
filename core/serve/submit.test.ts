import { expect, it } from "vitest";
import type { MlflowClient } from "../mlflow-js-client/index.ts";
import { submitRequest } from "./submit.ts";

it("names a request's run after it, without cutting a character in two", async () => {
  const names: string[] = [];
  const client = {
    runs: {
      create: async ({ runName }: { runName: string }) => {
        names.push(runName);
        return { info: { runId: "r" } };
      },
      update: async () => {},
    },
  } as unknown as MlflowClient;
  const submit = (config: Readonly<Record<string, unknown>>) =>
    submitRequest(client, { experimentId: "1", requester: "a", request: { version: 1, config } });
  await submit({ name: `${"x".repeat(248)}😀😀` });
  await submit({});
  expect(names).toEqual([`${"x".repeat(248)}…`, "request"]);
});

import { setTimeout as sleep } from "node:timers/promises";
import { inject } from "vitest";
import { createMlflowClient, type MlflowClient } from "../../core/mlflow-js-client/index.ts";

/** Time for a hook that needs the server: the first one on a machine installs MLflow. */
export const SERVER_START = 900_000;

/** URI of the real MLflow server that all tests of this vitest run share. */
export async function mlflowUri(): Promise<string> {
  for (;;) {
    const answer = await fetch(inject("mlflowStarter"));
    const text = await answer.text();
    if (answer.status === 200) return text;
    if (answer.status !== 202) throw new Error(`the shared MLflow server did not start: ${text}`);
    await sleep(100);
  }
}

/** A client of it. */
export async function mlflowClient(): Promise<MlflowClient> {
  return createMlflowClient({ trackingUri: await mlflowUri() });
}

let names = 0;

/** A name no other test uses. */
export const uniqueName = (what: string) => `${what}-${process.pid}-${Date.now()}-${names++}`;

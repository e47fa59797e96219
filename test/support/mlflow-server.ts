import { inject } from "vitest";
import { createMlflowClient, type MlflowClient } from "../../core/mlflow-js-client/index.ts";
import { demand } from "./on-demand.ts";

/** Time for a hook that needs the server: the first one on a machine installs MLflow. */
export const SERVER_START = 900_000;

/** URI of the real MLflow server that all tests of this vitest run share. */
export const mlflowUri = (): Promise<string> =>
  demand(inject("mlflowStarter"), "the shared MLflow server did not start");

/** A client of it. */
export async function mlflowClient(): Promise<MlflowClient> {
  return createMlflowClient({ trackingUri: await mlflowUri() });
}

let names = 0;

/** A name no other test uses. */
export const uniqueName = (what: string) => `${what}-${process.pid}-${Date.now()}-${names++}`;

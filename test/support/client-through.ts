import { createMlflowClient, type MlflowClient } from "../../core/mlflow-js-client/index.ts";
import { mlflowUri } from "./mlflow-server.ts";

/** A client of the real server whose requests pass a function, which may make them or not. Nothing is tried again. */
export const clientThrough = async (
  pass: (url: string, go: () => Promise<Response>, body: string) => Promise<Response>,
): Promise<MlflowClient> =>
  createMlflowClient({
    trackingUri: await mlflowUri(),
    retries: 0,
    fetch: (input, init) => pass(String(input), () => fetch(input, init), String(init?.body)),
  });

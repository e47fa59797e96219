import { randomUUID } from "node:crypto";
import type { MlflowClient } from "../../core/mlflow-js-client/index.ts";

/** Makes a run that asks for a comparison, as the form does. @param request tags that hold the request @returns its id */
export async function makeRequest(
  client: MlflowClient,
  experimentId: string,
  request: Readonly<Record<string, string>>,
): Promise<string> {
  const { info } = await client.runs.create({
    experimentId,
    runName: "asked",
    tags: {
      "dualtail.watch": "1",
      "dualtail.kind": "request",
      "dualtail.run_id": randomUUID().replaceAll("-", ""),
      ...request,
      "mlflow.user": "someone",
    },
  });
  await client.runs.update(info.runId, { status: "SCHEDULED" });
  return info.runId;
}

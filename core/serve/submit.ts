import { randomUUID } from "node:crypto";
import { requestTags } from "../launch-page/request-tags.ts";
import type { MlflowClient } from "../mlflow-js-client/index.ts";
import { shortened } from "../tracking/mlflow-tags.ts";
import type { LaunchRequest } from "./requests.ts";
import { TAGS } from "./tags.ts";

export interface Submission {
  readonly experimentId: string;
  readonly request: LaunchRequest;
  readonly requester: string;
}

/** Makes the run that asks for a comparison, as a form does. Returns the server's id of it. @throws MlflowError */
export async function submitRequest(
  client: MlflowClient,
  { experimentId, request, requester }: Submission,
): Promise<string> {
  const { name } = request.config;
  const { info } = await client.runs.create({
    experimentId,
    runName: typeof name === "string" ? shortened(name, 250) : "request",
    userId: requester,
    uniqueTag: TAGS.runId,
    tags: {
      [TAGS.watch]: "1",
      [TAGS.kind]: "request",
      [TAGS.runId]: randomUUID().replaceAll("-", ""),
      [TAGS.user]: requester,
      ...requestTags(request),
    },
  });
  await client.runs.update(info.runId, { status: "SCHEDULED" });
  return info.runId;
}

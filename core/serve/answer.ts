import { type MlflowClient, MlflowError } from "../mlflow-js-client/index.ts";
import { oneLine, type RequestState, TAGS } from "./tags.ts";

export interface Answer {
  readonly state?: RequestState;
  readonly message: string;
}

/** Writes what became of it on a run, for a person. @throws MlflowError */
export async function answer(
  client: MlflowClient,
  runId: string,
  { state, message, kind }: Answer & { readonly kind?: "comparison" },
): Promise<void> {
  const tags = {
    ...(kind ? { [TAGS.kind]: kind } : {}),
    ...(state ? { [TAGS.state]: state } : {}),
    [TAGS.message]: oneLine(message),
  };
  await client.runs.logBatch(runId, { tags });
}

/** Ends a run that nothing else will end. @throws MlflowError */
export async function endRun(
  client: MlflowClient,
  runId: string,
  status: "FAILED" | "KILLED",
): Promise<void> {
  const { info } = await client.runs.get(runId);
  if (info.status !== "SCHEDULED" && info.status !== "RUNNING") return;
  await client.runs.update(runId, { status, endTime: Date.now() });
}

/** Takes a tag away that someone set to ask for something. @throws MlflowError */
export async function takeTag(client: MlflowClient, runId: string, key: string): Promise<void> {
  await client.runs.deleteTag(runId, key).catch((error: unknown) => {
    // They took it back themselves.
    if (!(error instanceof MlflowError && error.errorCode === "RESOURCE_DOES_NOT_EXIST")) throw error;
  });
}

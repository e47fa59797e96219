import { appendFile } from "node:fs/promises";
import { join } from "node:path";
import { MlflowError } from "../../mlflow-js-client/index.ts";

/** What the server will never take, one JSON object a line: { time, what, content, reason }. */
export const REJECTED = "rejected.jsonl";

export type Refusable = "metric" | "param" | "tag" | "dataset" | "artifact" | "model" | "status";

/** Whether a server may be without an endpoint for it: what is new in MLflow. The run is complete without. */
export const isOptional = (what: Refusable): boolean => what === "dataset" || what === "model";

/** Keeps what the server refused beside the journal. */
export async function recordRefusal(
  folder: string,
  what: Refusable,
  content: unknown,
  reason: string,
): Promise<void> {
  const line = { time: new Date().toISOString(), what, content, reason };
  await appendFile(join(folder, REJECTED), `${JSON.stringify(line)}\n`);
}

/**
 * Whether the server will never take this. Not so while it fails, nor where the way to it is the trouble: credentials
 * that ran out, a redirect, a page that is not MLflow's.
 */
export function isRefusal(error: unknown): error is MlflowError {
  if (!(error instanceof MlflowError) || error.transient) return false;
  const { status, errorCode } = error;
  // The client's own: an artifact store or path it cannot write to.
  if (errorCode === "UNSUPPORTED_ARTIFACT_URI" || errorCode === "INVALID_REQUEST") return true;
  return status >= 400 && status < 500 && status !== 401 && status !== 403 && !isMissingEndpoint(error);
}

/** A server, or a proxy before it, that does not know the address. */
export const isMissingEndpoint = (error: unknown): boolean =>
  error instanceof MlflowError &&
  (error.errorCode === "ENDPOINT_NOT_FOUND" ||
    error.errorCode === "HTTP_404" ||
    error.errorCode === "HTTP_405" ||
    error.errorCode === "HTTP_501" ||
    error.errorCode === "NOT_IMPLEMENTED");

import { REQUEST_TAG } from "../launch-page/request-tags.ts";

/** The tags through which people, forms and the server speak. The server answers by `state` and `message`. */
export const TAGS = {
  /** "1" on everything that the server looks at. */
  watch: "dualtail.watch",
  /** "request", and "comparison" once it is in the queue; "launchpad". */
  kind: "dualtail.kind",
  runId: "dualtail.run_id",
  /** JSON of a request, or `.0`, `.1`, … its pieces. */
  request: REQUEST_TAG,
  /** On a launchpad: a preset's name, or a config. */
  launch: "dualtail.launch",
  /** On a comparison's run: stop, resume or rerun. */
  action: "dualtail.action",
  state: "dualtail.state",
  message: "dualtail.message",
  user: "mlflow.user",
  parent: "mlflow.parentRunId",
  note: "mlflow.note.content",
} as const;

export type RequestState = "queued" | "refused" | "running" | "finished" | "failed" | "killed";

/**
 * A text of anyone as one line of at most 1,000 characters, in which nothing turns the direction of writing and no
 * character is half of one.
 */
export function oneLine(text: string): string {
  const whole = text.replaceAll(/\p{Cs}/gu, "\ufffd");
  const line = whole.replaceAll(/[\s\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]+/gu, " ").trim();
  return line.length <= 1000 ? line : `${line.slice(0, 998).replace(/[\ud800-\udbff]$/, "")}…`;
}

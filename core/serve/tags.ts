/** The tags through which people, forms and the server speak. The server writes the last two. */
export const TAGS = {
  /** "1" on everything that the server looks at. */
  watch: "dualtail.watch",
  /** "request", "launchpad"; a comparison's parent has "comparison". */
  kind: "dualtail.kind",
  runId: "dualtail.run_id",
  /** JSON of a request, or `.0`, `.1`, … its pieces. */
  request: "dualtail.request",
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

/** Longest piece of a request in one tag, characters: below the limit of every MLflow in use. */
export const PIECE = 4500;

/** A text of anyone as one line of at most 1,000 characters, in which nothing turns the direction of writing. */
export function oneLine(text: string): string {
  const line = text.replaceAll(/[\s\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]+/gu, " ").trim();
  return line.length <= 1000 ? line : `${line.slice(0, 998).replace(/[\ud800-\udbff]$/, "")}…`;
}

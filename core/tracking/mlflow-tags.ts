import { userInfo } from "node:os";

/** Names MLflow gives a meaning to, and ours. */
export const TAGS = {
  runName: "mlflow.runName",
  parentRunId: "mlflow.parentRunId",
  user: "mlflow.user",
  sourceName: "mlflow.source.name",
  sourceType: "mlflow.source.type",
  datasetContext: "mlflow.data.context",
  /** On an experiment: what kind of work MLflow's interface takes it for. */
  experimentKind: "mlflow.experimentKind",
  /** Belongs to one run for ever, wherever it was first tracked. */
  runId: "dualtail.run_id",
  reason: "dualtail.reason",
  /** How many bytes of a run's journal the server has. */
  synced: "dualtail.synced_bytes",
} as const;

/** MLflow's limit for a param's value; newer servers cut longer ones, older ones refuse them. */
export const MAX_PARAM_VALUE = 6000;
/** Below the limit of every MLflow in use (5000, since 3.0 8000). */
export const MAX_TAG_VALUE = 5000;

export function currentUser(): string {
  try {
    return userInfo().username;
  } catch {
    // A container's user need not have a name.
    return process.env.USER ?? process.env.USERNAME ?? "unknown";
  }
}

/** Of every run that is made here. */
export const SOURCE_NAME = "dualtail";

/** What MLflow shows as the run's source and user. */
export const sourceTags = (user: string): Record<string, string> => ({
  [TAGS.user]: user,
  [TAGS.sourceName]: SOURCE_NAME,
  [TAGS.sourceType]: "LOCAL",
});

/** Cuts a text to `limit` UTF-16 units, ending in "…". */
export function shortened(text: string, limit: number): string {
  if (text.length <= limit) return text;
  // Not between the halves of a surrogate pair.
  const end = /[\ud800-\udbff]/.test(text[limit - 2]!) ? limit - 2 : limit - 1;
  return `${text.slice(0, end)}…`;
}

export const shortenedTags = (tags: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(Object.entries(tags).map(([key, value]) => [key, shortened(value, MAX_TAG_VALUE)]));

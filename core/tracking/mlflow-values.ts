import type { DatasetInput as MlflowDatasetInput } from "../mlflow-js-client/index.ts";
import { shortened, TAGS } from "./mlflow-tags.ts";
import type { DatasetInput } from "./tracker.ts";

/** Where the whole of a param's value lies that MLflow would cut. */
export const longParamArtifact = (key: string) => `params/${key.replaceAll(/[^\w.-]/g, "_")}.txt`;

/** MLflow's limits for a dataset's fields. */
const LIMITS = { digest: 36, name: 500, schema: 65_535, profile: 65_535 };

export function toMlflowInput(input: DatasetInput): MlflowDatasetInput {
  const { name, digest, source, context, schema, profile } = input;
  const remote = /^https?:\/\//.test(source);
  return {
    tags: { [TAGS.datasetContext]: context },
    dataset: {
      name: shortened(name, LIMITS.name),
      digest: digest.slice(0, LIMITS.digest),
      sourceType: remote ? "http" : "local",
      source: JSON.stringify(remote ? { url: source } : { uri: source }),
      schema: jsonWithin(schema, LIMITS.schema),
      profile: jsonWithin(profile, LIMITS.profile),
    },
  };
}

/** JSON, or a note where it would be too long for the server's column: cut JSON is of no use. */
function jsonWithin(value: unknown, limit: number): string | undefined {
  if (value === undefined) return undefined;
  const text = JSON.stringify(value);
  return text.length <= limit
    ? text
    : JSON.stringify({ omitted: `${text.length} characters, limit ${limit}` });
}

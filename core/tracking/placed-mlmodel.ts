import { isMap, parseDocument } from "yaml";

/** Where a model is kept, beyond a folder of its own. */
export interface ModelPlace {
  readonly runId: string;
  readonly modelId: string;
  /** Address of the model's artifacts. */
  readonly artifactUri: string;
}

/** The text of an MLmodel file as it is for a model that a server keeps; undefined when it is no MLmodel. */
export function placedMlmodel(text: string, { runId, modelId, artifactUri }: ModelPlace): string | undefined {
  // PyYAML reads YAML 1.1.
  const document = parseDocument(text, { version: "1.1" });
  if (document.errors.length > 0 || !isMap(document.contents) || !document.has("flavors")) return undefined;
  const placed = { artifact_path: artifactUri, model_id: modelId, model_uuid: modelId, run_id: runId };
  for (const [key, value] of Object.entries(placed)) document.set(key, value);
  return document.toString({ lineWidth: 0 });
}

import { expect, it } from "vitest";
import { parse } from "yaml";
import { placedMlmodel } from "./placed-mlmodel.ts";

// An id of digits alone, and of digits around an e, would be numbers; "no" is a boolean to YAML 1.1.
const PLACE = { runId: "1".repeat(32), modelId: "m-1", artifactUri: "mlflow-artifacts:/1/models/m-1" };
const TEXT = `flavors:
  onnx:
    data: "model.onnx"
metadata:
  class_names:
    - "no"
    - "1.5"
    - 'a "quoted": #name'
model_id: null
model_uuid: "${"2".repeat(32)}"
`;

it("says in an MLmodel where a server keeps it, and changes nothing else", () => {
  for (const runId of [PLACE.runId, "12e45678901234567890123456789012"]) {
    const placed = placedMlmodel(TEXT, { ...PLACE, runId })!;
    expect(parse(placed, { version: "1.1" })).toEqual({
      ...parse(TEXT, { version: "1.1" }),
      artifact_path: PLACE.artifactUri,
      model_id: "m-1",
      model_uuid: "m-1",
      run_id: runId,
    });
  }
});

it.each(["", "- 1", "a: [", "name: other"])("takes %j for no MLmodel", (text) => {
  expect(placedMlmodel(text, PLACE)).toBeUndefined();
});

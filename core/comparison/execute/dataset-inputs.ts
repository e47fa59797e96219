import type { TrackedRun } from "../../tracking/tracker.ts";
import type { ExecutionContext } from "./context.ts";

/** Records the splits as MLflow dataset inputs: what a run was trained, validated and tested on. */
export async function logDatasetInputs({ dataset }: ExecutionContext, run: TrackedRun): Promise<void> {
  const splits = [
    ["train", "training"],
    ["validation", "validation"],
    ["test", "test"],
  ] as const;
  const present = splits.flatMap(([name, context]) => {
    const split = dataset[name];
    if (split === undefined) return [];
    return [
      {
        name: dataset.name,
        // One digest per split: MLflow identifies a dataset by name and digest, and limits the digest to 36 characters.
        digest: `${dataset.digest.slice(0, 24)}-${name}`,
        source: dataset.source,
        context,
        profile: { images: split.labels.length, classes: dataset.classNames.length },
      },
    ];
  });
  await run.logInputs(present);
}

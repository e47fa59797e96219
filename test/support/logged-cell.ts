import { perClassTable } from "../../core/comparison/presentation/index.ts";
import { downstreamGroups, pretrainGroups } from "../../core/evaluation/index.ts";
import type { TrackedRun, Tracker } from "../../core/tracking/tracker.ts";

/** A name that is markup. */
export const NASTY = "<script>alert('x')</script>";
export const CLASSES = ["c0", "c1", "c2", "c3", "c4", NASTY];
export const PER_CLASS = 10;
export const COUNTS = [200, 150, 60, 40, 10, 5];
export const PRIOR = [0.3, 0.1, 0.25, 0.15, 0.12, 0.08];

/** A finished run as a comparison would have logged it. */
export interface LoggedCell {
  readonly loss: string;
  readonly kind: string;
  readonly backbone: string;
  readonly seed?: number;
  /** Images of each class predicted correctly, of 10; one number or one per class. */
  readonly right: number | readonly number[];
  readonly without?: string;
  readonly epochs?: number;
  readonly images?: string;
  readonly params?: Readonly<Record<string, string | number>>;
  readonly parent?: TrackedRun;
}

/** Logs a finished cell as the comparison does; returns its run id. */
export async function logCell(tracker: Tracker, cell: LoggedCell): Promise<string> {
  const { loss, kind, backbone, seed, right, without, epochs = 4, images = "image", params, parent } = cell;
  const rightOf = (k: number) => (typeof right === "number" ? right : right[k]!);
  const seeded = seed === undefined ? "" : ` · seed ${seed}`;
  const run = await tracker.startRun({
    name: `${loss} · ${backbone.replace("+", " + ")}${seeded}`,
    ...(parent ? { parent } : {}),
    tags: { "dualtail.cell": `${loss}/${backbone}/${seed}/${epochs}`, "dualtail.kind": kind },
  });
  const own = { loss, kind, backbone, ...(seed === undefined ? {} : { seed }) };
  await run.logParams({ dataset: "synthetic", "train.epochs": epochs, threads: 1, ...params, ...own });
  const point = (key: string, value: number) => ({ key, value, step: 0, timestamp: 1 });
  await run.logMetrics([point("test/knn", rightOf(0) / 20), point("test/ece", 0.05)]);
  const log = async (name: string, content: string) => {
    if (name !== without) await run.logArtifact(name, content);
  };
  const table = perClassTable({
    classNames: CLASSES,
    trainCounts: COUNTS,
    accuracy: CLASSES.map((_, k) => rightOf(k) / PER_CLASS),
    prior: PRIOR,
    downstream: downstreamGroups(COUNTS),
    pretrain: pretrainGroups(PRIOR),
  });
  await log("per-class.json", table.json);
  // A seed moves which images are right, not how many.
  const lines = CLASSES.flatMap((name, k) =>
    Array.from({ length: PER_CLASS }, (_, i) => {
      const correct = (i + (seed ?? 0)) % PER_CLASS < rightOf(k);
      return `"${images} ${i}, ""${name}""","${name}","c0",0.5,${Number(correct)}`;
    }),
  );
  await log("predictions.csv", `${["image,label,predicted,probability,correct", ...lines].join("\n")}\n`);
  if (kind === "zero-shot") {
    const classes = CLASSES.map((name, k) => ({ class: name, prior: PRIOR[k], recorded: 100 * PRIOR[k]! }));
    await log("pretrain-prior.json", JSON.stringify({ backbone, classes }));
  }
  await run.finish("FINISHED");
  return run.id;
}

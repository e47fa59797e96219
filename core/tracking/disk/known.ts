import type { DatasetInput, MetricPoint } from "../tracker.ts";
import type { Digest } from "./digest.ts";
import { type ModelEvent, type RunEvent, readJournal } from "./journal.ts";
import { createStepSet, type StepSet } from "./step-set.ts";

type Params = Readonly<Record<string, string | number | boolean>>;

/** What earlier processes have written of a run. What is left of a repetition is what is new. */
export interface Known {
  /** Bytes of whole lines. */
  readonly size: number;
  /** Those whose key has no value yet. */
  newParams(params: Params): Params;
  /**
   * Those whose key has no value at their step yet: a run that goes on from a checkpoint computes steps again. With
   * `revise` also those that give the newest step another value.
   */
  newPoints(points: readonly MetricPoint[], revise: boolean): MetricPoint[];
  newInputs(inputs: readonly DatasetInput[]): DatasetInput[];
  /** The newest recorded artifacts, by path. Updated by whoever records one. */
  readonly artifacts: Map<string, Digest>;
  /** The newest recorded models, by name. */
  readonly models: ReadonlyMap<string, ModelEvent>;
}

interface KnownKey {
  readonly steps: StepSet;
  newest: MetricPoint;
}

/** Reads a journal; nothing is known of one that is not there. @throws FileError for a broken one */
export async function readKnown(file: string): Promise<Known> {
  const params = new Set<string>();
  const points = new Map<string, KnownKey>();
  const inputs = new Set<string>();
  const artifacts = new Map<string, Digest>();
  const models = new Map<string, ModelEvent>();
  let size = 0;
  const note = (event: RunEvent) => {
    if (event.type === "params") for (const key of Object.keys(event.params)) params.add(key);
    if (event.type === "inputs") for (const input of event.inputs) inputs.add(JSON.stringify(input));
    if (event.type === "model") models.set(event.name, event);
    if (event.type === "artifact") {
      const { path, sha256 = "", size: bytes = -1 } = event;
      artifacts.set(path, { sha256, size: bytes });
    }
    if (event.type !== "metrics") return;
    for (const point of event.points) {
      const known = points.get(point.key) ?? { steps: createStepSet(), newest: point };
      known.steps.add(point.step);
      if (point.step >= known.newest.step) known.newest = point;
      points.set(point.key, known);
    }
  };
  for await (const { event, end } of readJournal(file)) {
    note(event);
    size = end;
  }
  return {
    size,
    newParams: (own) => Object.fromEntries(Object.entries(own).filter(([key]) => !params.has(key))),
    newPoints: (own, revise) =>
      own.filter(({ key, step, value }) => {
        const known = points.get(key);
        if (!known?.steps.has(step)) return true;
        return revise && known.newest.step === step && !Object.is(known.newest.value, value);
      }),
    newInputs: (own) => own.filter((input) => !inputs.has(JSON.stringify(input))),
    artifacts,
    models,
  };
}

import { classMeans, drawShots, type LabelledFeatures } from "../../models/heads/class-mean.ts";
import { linearProbe } from "../../training/linear-probe.ts";
import type { HeadInit } from "../config/index.ts";
import type { ExecutionContext } from "./context.ts";

/** What a backbone's head can be started from. */
export interface HeadSources {
  /** The backbone, in messages. */
  readonly label: string;
  /** [K × width] from the text features. */
  text(): Promise<Float32Array>;
  /** Frozen features of the training images, or of some of them: [indices × width]. */
  features(indices?: readonly number[]): Promise<Float32Array>;
  readonly width: number;
}

/** Rows [K × width]; undefined: drawn at random when training starts. */
type Start = (
  sources: HeadSources,
  context: ExecutionContext,
  seed: number,
) => Promise<Float32Array | undefined>;

const STARTS: Readonly<Record<HeadInit, Start>> = {
  text: ({ text }) => text(),
  none: async () => undefined,
  "class-mean": async (sources, context) => classMeans(await trainingData(sources, context)),
  "n-shot": async (sources, context, seed) => {
    const { labels } = context.dataset.train;
    const classes = context.dataset.classNames.length;
    const drawn = drawShots(labels, classes, context.config.head.shots!, seed);
    return classMeans({
      features: await sources.features(drawn),
      labels: Int32Array.from(drawn, (i) => labels[i]!),
      classes,
      width: sources.width,
    });
  },
  "linear-probe": async (sources, context) => {
    const { rows, iterations, gradient, converged } = await linearProbe(
      await trainingData(sources, context),
      context.compile,
    );
    const done = `${sources.label}: linear probe, ${iterations} iterations, gradient at ${gradient.toExponential(1)} of its start`;
    if (converged) context.reporter.line(done);
    else context.reporter.warn(`${done}: not converged; the head starts from what was reached`);
    return rows;
  },
};

/** The starting rows of a backbone's head as the configuration wants them. Each is computed once. */
export function headStarts(
  sources: HeadSources,
  context: ExecutionContext,
): (seed: number) => Promise<Float32Array | undefined> {
  const { init } = context.config.head;
  const made = new Map<string, Promise<Float32Array | undefined>>();
  return (seed) => {
    const key = init === "n-shot" ? String(seed) : "";
    const rows = made.get(key) ?? STARTS[init](sources, context, seed);
    made.set(key, rows);
    return rows;
  };
}

async function trainingData(
  { features, width }: HeadSources,
  { dataset }: ExecutionContext,
): Promise<LabelledFeatures> {
  const { labels } = dataset.train;
  return { features: await features(), labels, classes: dataset.classNames.length, width };
}

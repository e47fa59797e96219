import { createGraph } from "../graph/index.ts";
import { runInBatches } from "../models/run-in-batches.ts";
import { type CompileOptions, compile } from "../runtime/index.ts";
import { buildMembers, type Member } from "./finetune.ts";

/** Outputs of one fine-tuned classifier over a split. */
export interface Predictions {
  /** [N, K] */
  readonly logits: Float32Array;
  /** [N, width] */
  readonly features: Float32Array;
  readonly width: number;
}

export interface PredictOptions {
  /** What `load` writes of each image: 1 (the default), or the crops of a test-time ensemble, one after another. */
  readonly views?: number;
  readonly onBatch?: (images: number) => void;
}

// Names that no parameter has.
const LOGITS = "predicted.logits";
const FEATURES = "predicted.features";

export interface Predictor {
  /**
   * Runs the first `count` samples of a split through the classifier with these parameters. Of several views of an
   * image, logits and features are averaged (LIFT averages logits too, not probabilities).
   */
  predict(
    load: Member["load"],
    count: number,
    params: ReadonlyMap<string, Float32Array>,
    options?: PredictOptions,
  ): Promise<Predictions>;
  release(): Promise<void>;
}

/** Compiles a classifier for evaluation, `batchSize` views at a time. */
export async function compilePredictor(
  member: Member,
  classes: number,
  batchSize: number,
  options: CompileOptions = {},
): Promise<Predictor> {
  const g = createGraph();
  const [model] = buildMembers(g, [member], classes, batchSize);
  const { pixels, logits, features } = model!;
  const program = await compile(g, { [LOGITS]: logits, [FEATURES]: features }, options);
  const { width, channels, imageSize } = member.shape;
  return {
    async predict(load, count, params, { views = 1, onBatch } = {}) {
      const given = Object.fromEntries(params);
      const rows = await runInBatches(
        { fill: load, count, views, perView: channels * imageSize ** 2, onBatch },
        batchSize,
        { [LOGITS]: classes, [FEATURES]: width },
        (buffer) => program.run({ ...given, [pixels.name]: buffer }),
      );
      return { logits: rows[LOGITS]!, features: rows[FEATURES]!, width };
    },
    release: () => program.release(),
  };
}

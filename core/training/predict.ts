import { createGraph } from "../graph/index.ts";
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

export interface Predictor {
  /** Runs the first `count` samples of a split through the classifier with these parameters. */
  predict(
    load: Member["load"],
    count: number,
    params: ReadonlyMap<string, Float32Array>,
    onBatch?: (images: number) => void,
  ): Promise<Predictions>;
  release(): Promise<void>;
}

/** Compiles a classifier for evaluation. The last batch is padded; padding is never returned. */
export async function compilePredictor(
  member: Member,
  classes: number,
  batchSize: number,
  options: CompileOptions = {},
): Promise<Predictor> {
  const g = createGraph();
  const [model] = buildMembers(g, [member], classes, batchSize);
  const { pixels, logits, features } = model!;
  const program = await compile(g, { "predicted.logits": logits, "predicted.features": features }, options);
  const width = member.shape.width;
  return {
    async predict(load, count, params, onBatch) {
      const out = {
        logits: new Float32Array(count * classes),
        features: new Float32Array(count * width),
        width,
      };
      const buffer = new Float32Array(pixels.shape.reduce((a, b) => a * b, 1));
      const perImage = buffer.length / batchSize;
      for (let start = 0; start < count; start += batchSize) {
        const size = Math.min(batchSize, count - start);
        await load(
          Int32Array.from({ length: size }, (_, i) => start + i),
          buffer.subarray(0, size * perImage),
        );
        const results = await program.run({ ...Object.fromEntries(params), [pixels.name]: buffer });
        out.logits.set(
          (results["predicted.logits"] as Float32Array).subarray(0, size * classes),
          start * classes,
        );
        out.features.set(
          (results["predicted.features"] as Float32Array).subarray(0, size * width),
          start * width,
        );
        onBatch?.(size);
      }
      return out;
    },
    release: () => program.release(),
  };
}

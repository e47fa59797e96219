import { differentiate } from "../autodiff/index.ts";
import { createGraph } from "../graph/index.ts";
import { type LabelledFeatures, unitRowsOf } from "../models/heads/class-mean.ts";
import { type CompileOptions, compile, type Feeds } from "../runtime/index.ts";
import { type LbfgsResult, lbfgs } from "./lbfgs.ts";

export interface LinearProbeOptions extends CompileOptions {
  /** Default 100, as in LIFT. */
  readonly maxIterations?: number;
  /** See LbfgsOptions; default 1e-4. */
  readonly tolerance?: number;
  /** Images per pass; default 4096. */
  readonly batchSize?: number;
}

/** Rounding of a float32, relative. */
const FLOAT32 = 2 ** -23;

export interface LinearProbe extends Omit<LbfgsResult, "x"> {
  /** [classes × width], each row scaled to length 1. */
  readonly rows: Float32Array;
}

/**
 * Logistic regression on frozen features, each class weighing the same in total, from zero:
 *
 *     Σ_i w_i · CE(W f_i + b, y_i) + ½‖W‖²,  w_i = N / (K · n_{y_i})
 *
 * as LIFT has it (init_head_linear_probe: scikit-learn's LogisticRegression with lbfgs, C = 1 and class_weight
 * "balanced"; the rows are normalised and the intercept is dropped). Value and gradient come from a graph in float32
 * and are summed in double; a run of it depends on nothing random.
 */
export async function linearProbe(
  { features, labels, classes, width }: LabelledFeatures,
  { maxIterations = 100, tolerance = 1e-4, batchSize = 4096, ...options }: LinearProbeOptions = {},
): Promise<LinearProbe> {
  const count = labels.length;
  const batch = Math.min(batchSize, count);
  const g = createGraph();
  const inputs = {
    features: g.input("features", "float32", [batch, width]),
    labels: g.input("labels", "int64", [batch]),
    weights: g.input("weights", "float32", [batch]),
  };
  const rows = g.input("rows", "float32", [classes, width]);
  const bias = g.input("bias", "float32", [classes]);
  const nll = g.negativeLogLikelihood(g.linear(inputs.features, rows, bias), inputs.labels);
  const loss = g.reduceSum(g.mul(inputs.weights, nll));
  const [dRows, dBias] = differentiate(g, loss, [rows, bias]);
  const program = await compile(g, { loss, dRows: dRows!, dBias: dBias! }, options);

  const batches = cutBatches({ features, labels, classes, width }, batch);
  const size = classes * width;
  try {
    const result = await lbfgs(
      async (x) => {
        const params = {
          rows: Float32Array.from(x.subarray(0, size)),
          bias: Float32Array.from(x.subarray(size)),
        };
        const gradient = new Float64Array(x.length);
        let value = 0;
        for (const feed of batches) {
          const out = await program.run({ ...feed, ...params });
          value += (out.loss as Float32Array)[0]!;
          const [byRow, byBias] = [out.dRows as Float32Array, out.dBias as Float32Array];
          for (let i = 0; i < size; i++) gradient[i]! += byRow[i]!;
          for (let k = 0; k < classes; k++) gradient[size + k]! += byBias[k]!;
        }
        for (let i = 0; i < size; i++) {
          value += x[i]! ** 2 / 2;
          gradient[i]! += x[i]!;
        }
        return { value, gradient };
      },
      new Float64Array(size + classes),
      { maxIterations, tolerance, precision: FLOAT32 },
    );
    const { x, ...rest } = result;
    return { rows: unitRowsOf(x.subarray(0, size), width), ...rest };
  } finally {
    await program.release();
  }
}

/** Feeds of equal size; what pads the last one has weight 0. */
function cutBatches({ features, labels, classes, width }: LabelledFeatures, batch: number): Feeds[] {
  const counts = new Int32Array(classes);
  for (const label of labels) counts[label]!++;
  return Array.from({ length: Math.ceil(labels.length / batch) }, (_, i) => {
    const own = labels.subarray(i * batch, (i + 1) * batch);
    // A view where a batch is full: the features are the bulk of the memory.
    const rows = features.subarray(i * batch * width, (i * batch + own.length) * width);
    return {
      features: own.length === batch ? rows : padded(rows, batch * width),
      labels: BigInt64Array.from({ length: batch }, (_, n) => BigInt(own[n] ?? 0)),
      weights: Float32Array.from({ length: batch }, (_, n) =>
        n < own.length ? labels.length / (classes * counts[own[n]!]!) : 0,
      ),
    };
  });
}

function padded(values: Float32Array, length: number): Float32Array {
  const out = new Float32Array(length);
  out.set(values);
  return out;
}

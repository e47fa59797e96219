import { differentiate } from "../autodiff/index.ts";
import { type Graph, matrixProductFlops, type Value } from "../graph/index.ts";
import { type CompileOptions, compile, type Feeds } from "../runtime/index.ts";

export interface GradientOptions extends CompileOptions {
  readonly graph: Graph;
  /** Scalar, averaged over the micro-batch. */
  readonly loss: Value;
  /** Trainable inputs of the graph. */
  readonly params: readonly Value[];
}

/** A compiled loss with its gradients. */
export interface Gradients {
  /** Floating-point operations of the matrix products of one run. */
  readonly flops: number;
  /** Adds `scale` times the gradients to `sums`, by parameter name. Returns the loss. */
  run(
    batch: Feeds,
    params: ReadonlyMap<string, Float32Array>,
    into: { readonly sums: ReadonlyMap<string, Float32Array>; readonly scale: number },
  ): Promise<number>;
  release(): Promise<void>;
  /** Ends profiling and writes the file. */
  endProfiling(): void;
}

const LOSS = "loss";
const gradientOf = (name: string) => `${name}/gradient`;

/** Loss and gradients as one graph, which keeps every activation that the backward pass reads. */
export async function wholeGradients(options: GradientOptions): Promise<Gradients> {
  const { graph, loss, params } = options;
  const gradients = differentiate(graph, loss, params);
  const outputs = {
    [LOSS]: loss,
    ...Object.fromEntries(params.map(({ name }, i) => [gradientOf(name), gradients[i]!])),
  };
  const program = await compile(graph, outputs, options);
  return {
    flops: matrixProductFlops(graph, Object.values(outputs)),
    async run(batch, values, { sums, scale }) {
      const results = await program.run({ ...batch, ...Object.fromEntries(values) });
      for (const { name } of params)
        addScaled(sums.get(name)!, results[gradientOf(name)] as Float32Array, scale);
      return Number(results[LOSS]![0]);
    },
    release: () => program.release(),
    endProfiling: () => program.endProfiling(),
  };
}

/** sum += scale · gradient */
export function addScaled(sum: Float32Array, gradient: Float32Array, scale: number): void {
  for (let i = 0; i < sum.length; i++) sum[i]! += scale * gradient[i]!;
}

import { createGraph, matrixProductFlops } from "../../graph/index.ts";
import { type CompileOptions, compile } from "../../runtime/index.ts";

/** Of the two products of a ViT-B/16's MLP over four images. */
const [M, K, N] = [4 * 197, 768, 3072];
const PAIRS = 4;
const REPEATS = 3;

/**
 * The processor's matrix-product rate by the runtime that trains, in operations per second: the two largest products of a
 * block in turn, chained in one graph with a small result, so that no copy is counted; the best of a few runs after one
 * that warms up. About a second.
 */
export async function matrixProductRate(options: CompileOptions): Promise<number> {
  const g = createGraph();
  const numbers = (size: number) => Float32Array.from({ length: size }, (_, i) => ((i % 17) - 8) / 256);
  const up = g.constant(numbers(K * N), [N, K]);
  const down = g.constant(numbers(K * N), [K, N]);
  let x = g.input("x", "float32", [M, K]);
  for (let i = 0; i < PAIRS; i++) x = g.linear(g.linear(x, up), down);
  const corner = g.slice(x, 0, 0, 1);
  const flops = matrixProductFlops(g, [corner]);
  const program = await compile(g, { corner }, options);
  try {
    const input = numbers(M * K);
    let best = Number.POSITIVE_INFINITY;
    for (let i = 0; i <= REPEATS; i++) {
      const started = performance.now();
      await program.run({ x: input });
      if (i > 0) best = Math.min(best, performance.now() - started);
    }
    return (flops * 1000) / best;
  } finally {
    await program.release();
  }
}

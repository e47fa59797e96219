import { matrixProductFlops, sizeOf, type Value } from "../../graph/index.ts";
import { type CompileOptions, compile, type Program } from "../../runtime/index.ts";
import { addScaled, type GradientOptions, type Gradients } from "../gradients.ts";
import { bufferPool } from "./buffer-pool.ts";
import { findCuts } from "./cut-points.ts";
import { backwardSegments } from "./segments.ts";

/**
 * Loss and gradients with the activations recomputed: a forward program that gives the values at the cuts, and one
 * backward program per segment. Recomputing within a single program saves nothing, since its operators run as soon as
 * they can; programs of their own that are called in order bound the memory by construction.
 */
export async function segmentedGradients(options: GradientOptions): Promise<Gradients> {
  const { graph, loss, params, ...rest } = options;
  // Freed memory goes back at once, so that what the largest segment needs is all that is ever held.
  const compileOptions: CompileOptions = { ...rest, lowMemory: true };
  const trained = new Set(params);
  const cuts = findCuts(graph, loss);
  const segments = backwardSegments({ graph, loss, params: trained, cuts });
  const kept = [...new Set(cuts.flat())];
  const programs: Program[] = [];
  const open = async (part: typeof graph, outputs: readonly Value[]): Promise<Program> => {
    const program = await compile(part, named(outputs), compileOptions);
    programs.push(program);
    return program;
  };
  const release = async () => {
    for (const program of programs) await program.release();
  };
  const run = async (program: Program, feeds: Parameters<Program["run"]>[0], outputs: readonly Value[]) => {
    const into = outputs.map(({ shape }) => pool.take(sizeOf(shape)));
    await program.run(feeds, named(into));
    return into;
  };
  const pool = bufferPool();
  let forward: Program | undefined;
  const backward: Program[] = [];
  try {
    if (kept.length > 0) forward = await open(graph, kept);
    for (const { graph: part, writes } of segments) {
      backward.push(
        await open(
          part,
          writes.map(({ output }) => output),
        ),
      );
    }
  } catch (error) {
    await release();
    throw error;
  }

  return {
    flops: segments.reduce((sum, { flops }) => sum + flops, matrixProductFlops(graph, kept)),
    async run(batch, values, { sums, scale }) {
      const inputs = { ...batch, ...Object.fromEntries(values) };
      const buffers = forward ? await run(forward, inputs, kept) : [];
      const atCuts = new Map(kept.map((value, i) => [value, buffers[i]!]));
      /** Gradients of the values at cuts, until the segment that ends there has used them. */
      const flowing = new Map<Value, Float32Array>();
      let total = Number.NaN;
      for (const [at, { reads, seeds, writes }] of segments.entries()) {
        const feeds = Object.fromEntries([
          ...reads.map(({ source, input }) => [input.name, atCuts.get(source) ?? inputs[source.name]!]),
          ...seeds.map(({ source, input }) => [input.name, flowing.get(source) ?? zeros(source)]),
        ]);
        const results = await run(
          backward[at]!,
          feeds,
          writes.map(({ output }) => output),
        );
        for (const [i, { source }] of writes.entries()) {
          const result = results[i]!;
          const sum = trained.has(source) ? sums.get(source.name) : flowing.get(source);
          if (source !== loss && !sum) {
            flowing.set(source, result);
            continue;
          }
          if (source === loss) total = result[0]!;
          else addScaled(sum!, result, trained.has(source) ? scale : 1);
          pool.give(result);
        }
        for (const { source } of seeds) {
          const used = flowing.get(source);
          if (used) pool.give(used);
          flowing.delete(source);
        }
      }
      for (const buffer of buffers) pool.give(buffer);
      return total;
    },
    release,
    endProfiling: () => {
      for (const program of programs) program.endProfiling();
    },
  };
}

const named = <T>(list: readonly T[]): Record<string, T> =>
  Object.fromEntries(list.map((item, i) => [`out${i}`, item]));

/** For a value that turns out not to matter to the loss. */
const zeros = ({ shape }: Value): Float32Array => new Float32Array(sizeOf(shape));

import { createHash } from "node:crypto";
import { serializeGraph, sizeOf, type TensorData, type Value } from "../../graph/index.ts";
import { type CompileOptions, compile, type Program } from "../../runtime/index.ts";
import { addScaled, type GradientOptions, type Gradients } from "../gradients.ts";
import { bufferPool } from "./buffer-pool.ts";
import { graphConstants } from "./constants.ts";
import { findCuts } from "./cut-points.ts";
import { type SegmentGraph, segmentGraphs } from "./segments.ts";

interface Segment extends SegmentGraph {
  readonly program: Program;
}

/**
 * Loss and gradients with the activations recomputed: one small program per kind of segment instead of one for the
 * whole step. Recomputing within a single program saves nothing, since its operators run as soon as they can; programs
 * of their own that are called in order bound the memory by construction. Weights are fed, so that they are in memory
 * once and equal blocks share a program.
 */
export async function segmentedGradients(options: GradientOptions): Promise<Gradients> {
  const { graph, loss, params, ...rest } = options;
  // Freed memory goes back at once, so that what the largest segment needs is all that is ever held.
  const compileOptions: CompileOptions = { ...rest, lowMemory: true };
  const trained = new Set(params);
  const constants = graphConstants(graph, compileOptions);
  const graphs = segmentGraphs({ graph, loss, params: trained, cuts: findCuts(graph, loss), constants });
  const weights = new Map<Value, TensorData>();
  for (const { source } of graphs.flatMap(({ reads }) => reads)) {
    if (constants.isFed(source)) weights.set(source, await constants.data(source));
  }
  const programs = await compileOnce(graphs, compileOptions);
  const segments = graphs.map((segment, i): Segment => ({ ...segment, program: programs.of[i]! }));
  const pool = bufferPool();

  return {
    flops: graphs.reduce((sum, { flops }) => sum + flops, 0),
    async run(batch, values, { sums, scale }) {
      const kept = new Map<Value, TensorData>();
      const flowing = new Map<Value, Float32Array>();
      const given = (source: Value): TensorData | undefined =>
        kept.get(source) ?? weights.get(source) ?? values.get(source.name) ?? batch[source.name];
      let total = Number.NaN;
      for (const { program, reads, seeds, writes } of segments) {
        const feeds = Object.fromEntries([
          ...reads.map(({ source, input }) => [input.name, given(source)] as const),
          ...seeds.map(({ source, input }) => [input.name, flowing.get(source) ?? zeros(source)] as const),
        ]) as Record<string, TensorData>;
        const into = writes.map(({ source }) => pool.take(sizeOf(source.shape)));
        await program.run(feeds, Object.fromEntries(into.map((buffer, i) => [outputName(i), buffer])));
        for (const [i, { source, kind }] of writes.entries()) {
          const buffer = into[i]!;
          const sum = trained.has(source) ? sums.get(source.name) : flowing.get(source);
          if (source === loss) total = buffer[0]!;
          else if (kind === "value") kept.set(source, buffer);
          else if (sum) addScaled(sum, buffer, trained.has(source) ? scale : 1);
          else flowing.set(source, buffer);
          const stays = kind === "value" ? source !== loss : !sum;
          if (!stays) pool.give(buffer);
        }
        for (const { source } of seeds) {
          const buffer = flowing.get(source);
          if (buffer) pool.give(buffer);
          flowing.delete(source);
        }
      }
      for (const buffer of kept.values()) pool.give(buffer as Float32Array);
      return total;
    },
    release: programs.release,
    endProfiling: programs.endProfiling,
  };
}

/** For a value that turns out not to matter to the loss. */
const zeros = ({ shape }: Value): Float32Array => new Float32Array(sizeOf(shape));

const outputName = (index: number): string => `out${index}`;

/** Programs for the segments; equal graphs share one. */
async function compileOnce(segments: readonly SegmentGraph[], options: CompileOptions) {
  const known = new Map<string, Program>();
  const release = async () => {
    for (const program of known.values()) await program.release();
  };
  const of: Program[] = [];
  try {
    for (const { graph, writes } of segments) {
      const outputs = Object.fromEntries(writes.map(({ output }, i) => [outputName(i), output]));
      const key = createHash("sha256").update(serializeGraph(graph, outputs).bytes).digest("hex");
      const program = known.get(key) ?? (await compile(graph, outputs, options));
      known.set(key, program);
      of.push(program);
    }
  } catch (error) {
    await release();
    throw error;
  }
  return {
    of,
    release,
    endProfiling: () => {
      for (const program of known.values()) program.endProfiling();
    },
  };
}

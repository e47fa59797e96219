import { backpropagate } from "../../autodiff/index.ts";
import { type Extraction, extract, type Graph, matrixProductFlops, type Value } from "../../graph/index.ts";
import type { Constants } from "./constants.ts";
import type { Cut } from "./cut-points.ts";

/** A graph of a segment: which value of the whole graph each input is, and what it computes. */
export interface SegmentGraph {
  readonly graph: Graph;
  readonly reads: readonly { readonly source: Value; readonly input: Value }[];
  /** Names of the gradients that come in, and the cut value that each belongs to. */
  readonly seeds: readonly { readonly source: Value; readonly input: Value }[];
  /** What it computes: a cut value or the loss itself, or the gradient of `source`. */
  readonly writes: readonly {
    readonly source: Value;
    readonly output: Value;
    readonly kind: "value" | "gradient";
  }[];
  readonly flops: number;
}

export interface SegmentOptions {
  readonly graph: Graph;
  readonly loss: Value;
  readonly params: ReadonlySet<Value>;
  readonly cuts: readonly Cut[];
  readonly constants: Constants;
}

/**
 * The graphs that together give a loss and its gradients, to be run in order: the segments between cuts forward, then
 * from the last to the first forward again and backward. Only the values at the cuts have to be kept in between, so the
 * memory for activations is that of the largest segment.
 */
export function segmentGraphs({ graph, loss, params, cuts, constants }: SegmentOptions): SegmentGraph[] {
  // A value that lies across several cuts belongs to the first of them.
  const before = (at: number) => new Set(cuts.slice(0, at).flat());
  const ends: readonly Cut[] = [
    ...cuts.map((cut, at) => cut.filter((value) => !before(at).has(value))),
    [loss],
  ];
  const parts = (at: number): Extraction => {
    const boundary = before(at);
    return extract(graph, ends[at]!, (value) => boundary.has(value) || constants.isFed(value));
  };
  // Gradients have to reach a segment only when it or one before it has parameters.
  const firstTrained = ends.findIndex((_, at) => parts(at).leaves.some(({ source }) => params.has(source)));
  const forward = ends.slice(0, -1).map((cut, at): SegmentGraph => {
    const { graph: part, outputs, leaves } = parts(at);
    const writes = cut.map((source, i) => ({ source, output: outputs[i]!, kind: "value" as const }));
    return { graph: part, reads: leaves, seeds: [], writes, flops: matrixProductFlops(part, outputs) };
  });
  const backward = ends.flatMap((_, at) => (at < firstTrained || firstTrained < 0 ? [] : [at])).reverse();
  return [...forward, ...backward.map((at) => backwardGraph(at))];

  function backwardGraph(at: number): SegmentGraph {
    const { graph: part, outputs, leaves } = parts(at);
    const last = at === cuts.length;
    const upstream = at > firstTrained ? before(at) : new Set<Value>();
    const wanted = leaves.filter(({ source }) => params.has(source) || upstream.has(source));
    const seeds = last
      ? []
      : ends[at]!.map((source, i) => ({
          source,
          input: part.input(`seed${i}`, source.dtype, source.shape),
          output: outputs[i]!,
        }));
    const given = last
      ? new Map([[outputs[0]!, part.constant([1], loss.shape, loss.dtype)]])
      : new Map(seeds.map(({ output, input }) => [output, input]));
    const gradients = backpropagate(
      part,
      given,
      wanted.map(({ input }) => input),
    );
    const writes: SegmentGraph["writes"] = [
      ...(last ? [{ source: loss, output: outputs[0]!, kind: "value" as const }] : []),
      ...wanted.flatMap(({ source }, i) => {
        const output = gradients[i];
        return output === undefined ? [] : [{ source, output, kind: "gradient" as const }];
      }),
    ];
    return {
      graph: part,
      reads: leaves,
      seeds,
      writes,
      flops: matrixProductFlops(
        part,
        writes.map(({ output }) => output),
      ),
    };
  }
}

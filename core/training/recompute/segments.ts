import { backpropagate } from "../../autodiff/index.ts";
import { extract, type Graph, matrixProductFlops, type Value } from "../../graph/index.ts";
import type { Cut } from "./cut-points.ts";

interface Read {
  /** Value of the whole graph. */
  readonly source: Value;
  /** Input of the segment. */
  readonly input: Value;
}

/** The backward pass through one segment, which first computes the segment again. */
export interface BackwardSegment {
  readonly graph: Graph;
  /** Inputs of the whole graph and values at cuts. */
  readonly reads: readonly Read[];
  /** Gradients of the values at its end, in the place of the values themselves. */
  readonly seeds: readonly Read[];
  /** The loss, for the last segment; gradients of the parameters and of values at earlier cuts. */
  readonly writes: readonly { readonly source: Value; readonly output: Value }[];
  readonly flops: number;
}

export interface SegmentOptions {
  readonly graph: Graph;
  readonly loss: Value;
  readonly params: ReadonlySet<Value>;
  readonly cuts: readonly Cut[];
}

/**
 * The backward pass in pieces, from the loss to the first segment with parameters. Run in this order, with the values at
 * the cuts kept from a forward pass, they give the loss and all gradients; the activations in between exist for one
 * segment at a time. A parameter that several segments read gets a part of its gradient from each.
 */
export function backwardSegments({ graph, loss, params, cuts }: SegmentOptions): BackwardSegment[] {
  const before = (at: number) => new Set(cuts.slice(0, at).flat());
  // A value that lies across several cuts belongs to the first of them.
  const ends: readonly Cut[] = [
    ...cuts.map((cut, at) => cut.filter((value) => !before(at).has(value))),
    [loss],
  ];
  const parts = ends.map((end, at) => {
    const boundary = before(at);
    return extract(graph, end, (value) => boundary.has(value));
  });
  const first = parts.findIndex(({ leaves }) => leaves.some(({ source }) => params.has(source)));
  const segments = parts.map(({ graph: part, outputs, leaves }, at): BackwardSegment | undefined => {
    if (first < 0 || at < first) return undefined;
    const isLast = at === cuts.length;
    const upstream = at > first ? before(at) : new Set<Value>();
    const wanted = leaves.filter(({ source }) => params.has(source) || upstream.has(source));
    const seeds = isLast
      ? []
      : ends[at]!.map((source, i) => ({
          source,
          input: part.input(`gradient ${i}`, source.dtype, source.shape),
          output: outputs[i]!,
        }));
    const given: ReadonlyMap<Value, Value> = isLast
      ? new Map([[outputs[0]!, part.constant([1], loss.shape, loss.dtype)]])
      : new Map(seeds.map(({ output, input }) => [output, input]));
    const gradients = backpropagate(
      part,
      given,
      wanted.map(({ input }) => input),
    );
    const writes = [
      ...(isLast ? [{ source: loss, output: outputs[0]! }] : []),
      ...wanted.flatMap(({ source }, i) => {
        const output = gradients[i];
        return output === undefined ? [] : [{ source, output }];
      }),
    ];
    const written = writes.map(({ output }) => output);
    return { graph: part, reads: leaves, seeds, writes, flops: matrixProductFlops(part, written) };
  });
  return segments.filter((segment) => segment !== undefined).reverse();
}

import { DualtailError } from "../errors.ts";
import type { Graph, ParsedGraph, ParsedNode, Value } from "../graph/index.ts";
import { listed, type Match, matches, type TrainableModel, trainedAlready } from "./model.ts";

/** A product with a weight of the file that low-rank updates are put on. */
export interface LoraSite {
  /** The operator that multiplies. */
  readonly node: string;
  /** Its output, whose name no other operator has. */
  readonly output: string;
  readonly weight: string;
  readonly rank: number;
  readonly alpha: number;
  readonly inWidth: number;
  readonly outWidth: number;
  /** The file holds the weight as [out, in]. */
  readonly outFirst: boolean;
  /** Factor that the operator puts on the product. */
  readonly factor: number;
}

/** Names of a weight's A [rank, in] and B [out, rank]. */
export const loraNames = (weight: string): { readonly a: string; readonly b: string } => ({
  a: `lora.${weight}.a`,
  b: `lora.${weight}.b`,
});

/** Which products get low-rank updates, and how large. */
export interface LoraOptions {
  /** Names of operators or of weights, or patterns that they contain. */
  readonly match: Match;
  readonly rank: number;
  /** The update is scaled by alpha / rank; default: the rank, that is by 1. */
  readonly alpha?: number;
}

/**
 * Puts low-rank updates (Hu et al., 2022) on products with a weight: y + alpha / rank · B·A·x, A [rank, in] drawn by
 * Kaiming's rule, B [out, rank] zero, so that the model starts as it was. What was found is in `lora` of the result.
 * @throws DualtailError when nothing matches, listing what could
 */
export function injectLora(model: TrainableModel, options: LoraOptions): TrainableModel {
  const { match, rank, alpha = rank } = options;
  if (!Number.isInteger(rank) || rank < 1)
    throw new DualtailError(`the rank of LoRA is ${rank}, not 1 or more`);
  const candidates = products(model.parsed);
  const found = candidates.filter(({ node, weight }) => matches(match, node) || matches(match, weight));
  if (found.length === 0) {
    throw new DualtailError(`no MatMul or Gemm with a weight is called ${String(match)}`, {
      hint: listed(
        "there are",
        candidates.map(({ node, weight }) => `${node} (${weight})`),
      ),
    });
  }
  for (const { weight, node } of found) {
    if (model.trainable.has(weight) || model.lora.some((site) => site.weight === weight)) {
      throw trainedAlready(weight);
    }
    // Merged into the weight, the update would change every product with it.
    const others = model.weights
      .find(({ name }) => name === weight)!
      .usedBy.filter(
        (user) => !found.some((site) => site.weight === weight && usesOf(site, model).includes(user)),
      );
    if (others.length > 0) {
      throw new DualtailError(`the weight "${weight}" of ${node} is also read by ${others.join(", ")}`, {
        hint: "match every product with it, or leave it out",
      });
    }
  }
  const sites = found.map((site) => ({ ...site, rank, alpha }));
  return { ...model, lora: [...model.lora, ...sites] };
}

/** The operators through which a site reads its weight: itself, or a transposition in between. */
function usesOf({ node, weight }: Pick<LoraSite, "node" | "weight">, { parsed }: TrainableModel): string[] {
  const between = parsed.nodes.filter(({ op, inputNames }) => op === "Transpose" && inputNames[0] === weight);
  return [node, ...between.map(({ name }) => name)];
}

type Product = Omit<LoraSite, "rank" | "alpha">;

/** Every product of something computed with a matrix of the file. */
function products(parsed: ParsedGraph): Product[] {
  return parsed.nodes.flatMap((node): Product[] => {
    if (node.op !== "MatMul" && node.op !== "Gemm") return [];
    if (Number(node.attrs.transA ?? 0) === 1 || parsed.weights.has(node.inputNames[0]!)) return [];
    const direct = parsed.weights.has(node.inputNames[1]!);
    const turned = direct ? undefined : transposed(parsed, node.inputNames[1]!);
    const weight = direct ? node.inputNames[1]! : turned;
    const value = weight === undefined ? undefined : parsed.weights.get(weight);
    if (weight === undefined || value?.shape.length !== 2 || value.dtype !== "float32") return [];
    const outFirst = (Number(node.attrs.transB ?? 0) === 1) !== (turned !== undefined);
    const [rows, columns] = value.shape as [number, number];
    return [
      {
        node: node.name,
        output: node.outputNames[0]!,
        weight,
        outFirst,
        inWidth: outFirst ? columns : rows,
        outWidth: outFirst ? rows : columns,
        factor: Number(node.attrs.alpha ?? 1),
      },
    ];
  });
}

/** The weight that a tensor is the transposition of. */
function transposed({ nodes, weights }: ParsedGraph, name: string): string | undefined {
  const node = nodes.find(({ outputNames }) => outputNames.includes(name));
  const source = node?.op === "Transpose" ? node.inputNames[0]! : undefined;
  return source !== undefined && weights.get(source)?.shape.length === 2 ? source : undefined;
}

/** The product with its update, in the graph. */
export function withUpdate(
  g: Graph,
  { inputs, outputs }: ParsedNode,
  site: LoraSite,
  { a, b }: { readonly a: Value; readonly b: Value },
): Value {
  const update = g.linear(g.linear(inputs[0]!, a), b);
  return g.add(outputs[0]!, g.mul(update, site.alpha / site.rank));
}

/** The file's weight with the update in it: what the product computes is the same. */
export function mergedWeight(
  weight: Float32Array,
  { inWidth, outWidth, outFirst, rank, alpha, factor }: LoraSite,
  { a, b }: { readonly a: Float32Array; readonly b: Float32Array },
): Float32Array {
  const merged = Float32Array.from(weight);
  const scale = alpha / rank / factor;
  for (let out = 0; out < outWidth; out++) {
    for (let i = 0; i < inWidth; i++) {
      let sum = 0;
      for (let k = 0; k < rank; k++) sum += b[out * rank + k]! * a[k * inWidth + i]!;
      merged[outFirst ? out * inWidth + i : i * outWidth + out]! += scale * sum;
    }
  }
  return merged;
}

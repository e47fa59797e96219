import type { Graph, Shape, Value } from "../../graph/index.ts";
import type { BlockModule, Site, SiteName } from "../../plugin-api/peft.ts";
import { activation } from "./activation.ts";
import { blockTensors } from "./block-weights.ts";
import type { Weights } from "./weights.ts";

/** The shape of a transformer, as the checkpoint's config states it. */
export interface TransformerShape {
  readonly width: number;
  readonly layers: number;
  readonly heads: number;
  readonly mlpWidth: number;
  /** As the checkpoint names it: "quick_gelu", "gelu", … */
  readonly activation: string;
  readonly layerNormEps: number;
}

/** Lets a PEFT method change a site's output; the identity leaves the model as it is. */
export type Adapt = (site: Site, input: Value, output: Value) => Value;

export const unchanged: Adapt = (_site, _input, output) => output;

export interface BlockOptions {
  readonly shape: TransformerShape;
  readonly weights: Weights;
  /** Checkpoint name up to the block, e.g. "vision_model.encoder.layers.3". */
  readonly prefix: string;
  readonly index: number;
  readonly adapt: Adapt;
  /** Added to the attention scores, broadcast against [B, heads, Tq, T]. */
  readonly mask?: Value;
  /**
   * Selects the only tokens that are read after this block ([B, T, width] → [B, 1, width]). Queries, output
   * projection and MLP are then computed for them alone; `mask` is then that of the selected tokens.
   */
  readonly pick?: (tokens: Value) => Value;
}

/** One pre-norm transformer block: x + attention(LN1 x), then x + MLP(LN2 x); x [B, T, width]. */
export function transformerBlock(g: Graph, x: Value, options: BlockOptions): Value {
  const { shape, weights, prefix, index, adapt, pick = (tokens) => tokens } = options;
  const { width, mlpWidth, layerNormEps } = shape;
  const site = (name: SiteName, inWidth = width, outWidth = width): Site => ({
    name,
    block: index,
    inWidth,
    outWidth,
  });

  const weight = (module: BlockModule, part: "weight" | "bias", dims: Shape): Value =>
    weights(`${prefix}.${blockTensors[module]}.${part}`, dims);
  const norm = (name: "ln1" | "ln2", input: Value): Value => {
    const [scale, bias] = [weight(name, "weight", [width]), weight(name, "bias", [width])];
    return adapt(site(name), input, g.layerNorm(input, scale, bias, layerNormEps));
  };
  const dense = (name: BlockModule, input: Value, inWidth: number, outWidth: number): Value => {
    const [matrix, bias] = [weight(name, "weight", [outWidth, inWidth]), weight(name, "bias", [outWidth])];
    return adapt(site(name, inWidth, outWidth), input, g.linear(input, matrix, bias));
  };

  const attend = (input: Value): Value => {
    const normal = norm("ln1", input);
    const q = dense("attn.q", pick(normal), width, width);
    const k = dense("attn.k", normal, width, width);
    const v = dense("attn.v", normal, width, width);
    const mixed = attention(g, q, k, v, shape.heads, options.mask);
    return dense("attn.out", mixed, width, width);
  };
  const mlp = (input: Value): Value => {
    const hidden = dense("mlp.fc1", norm("ln2", input), width, mlpWidth);
    return dense("mlp.fc2", activation(shape.activation)(g, hidden), mlpWidth, width);
  };

  const kept = pick(x);
  const attended = g.add(kept, adapt(site("attn"), kept, attend(x)));
  const out = g.add(attended, adapt(site("mlp"), attended, mlp(attended)));
  return adapt(site("block"), kept, out);
}

/** softmax(q kᵀ / √d + mask) v over heads: q [B, Tq, width], k and v [B, T, width] → [B, Tq, width]. */
function attention(g: Graph, q: Value, k: Value, v: Value, heads: number, mask?: Value): Value {
  const [batch, tokens, width] = k.shape as [number, number, number];
  const queries = q.shape[1]!;
  const depth = width / heads;
  const split = (x: Value, length: number) =>
    g.transpose(g.reshape(x, [batch, length, heads, depth]), [0, 2, 1, 3]);
  const scores = g.matmul(split(q, queries), split(k, tokens), { transB: true, alpha: 1 / Math.sqrt(depth) });
  const weights = g.softmax(mask === undefined ? scores : g.add(scores, mask));
  const mixed = g.matmul(weights, split(v, tokens));
  return g.reshape(g.transpose(mixed, [0, 2, 1, 3]), [batch, queries, width]);
}

import type { DeclareParam, Graph, TowerInfo, Value } from "../../../core/plugin-api/index.ts";

/**
 * 2^max(0, ⌊log2(K / 2L)⌋): LIFT's default width of an adapter and rank of a low-rank update, which keeps the parameter
 * count near that of the classifier.
 */
export function defaultBottleneck(classes: number, layers: number): number {
  let size = 1;
  while (2 * size <= classes / (2 * layers)) size *= 2;
  return size;
}

export const bottleneckOption = {
  type: "integer",
  minimum: 1,
  description: "Width of the adapter; 2^max(0, floor(log2(classes / (2·layers)))) when absent",
} as const;

/** Up(ReLU(Down(LN x))), x [B, T, width]; zero at the start. Parameters are called `<prefix>.ln.weight` and so on. */
export function bottleneckBranch(
  g: Graph,
  x: Value,
  { width }: Pick<TowerInfo, "width">,
  param: DeclareParam,
  prefix: string,
  bottleneck: number,
): Value {
  const normal = g.layerNorm(
    x,
    param(`${prefix}.ln.weight`, [width], { kind: "constant", value: 1 }),
    param(`${prefix}.ln.bias`, [width], { kind: "zeros" }),
  );
  const down = g.linear(
    normal,
    param(`${prefix}.down.weight`, [bottleneck, width], {
      kind: "kaiming-normal",
      a: Math.sqrt(5),
      fan: width,
    }),
    param(`${prefix}.down.bias`, [bottleneck], { kind: "zeros" }),
  );
  return g.linear(
    g.relu(down),
    param(`${prefix}.up.weight`, [width, bottleneck], { kind: "zeros" }),
    param(`${prefix}.up.bias`, [width], { kind: "zeros" }),
  );
}

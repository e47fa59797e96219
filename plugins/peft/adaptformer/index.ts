import { definePeft } from "../../../core/plugin-api/index.ts";

interface AdaptFormerOptions {
  readonly bottleneck?: number;
}

/** 2^max(0, ⌊log2(K / 2L)⌋): LIFT's default, which keeps the parameter count near that of the classifier. */
export const defaultBottleneck = (classes: number, layers: number): number =>
  2 ** Math.max(0, Math.floor(Math.log2(classes / (2 * layers))));

export const plugin = definePeft<AdaptFormerOptions>({
  name: "adaptformer",
  summary:
    "A bottleneck adapter beside the MLP of every block (Chen et al., 2022), placed and initialised as in LIFT",
  options: {
    type: "object",
    properties: {
      bottleneck: {
        type: "integer",
        minimum: 1,
        description: "Width of the adapter; 2^max(0, floor(log2(classes / (2·layers)))) when absent",
      },
    },
    additionalProperties: false,
  },
  begin: ({ width, classes, layers }, param, { bottleneck = defaultBottleneck(classes, layers) }) => ({
    apply: (g, { name, block }, input, output) => {
      if (name !== "mlp") return output;
      const p = (part: string) => `adaptformer.${block}.${part}`;
      const normal = g.layerNorm(
        input,
        param(p("ln.weight"), [width], { kind: "constant", value: 1 }),
        param(p("ln.bias"), [width], { kind: "zeros" }),
      );
      const down = g.linear(
        normal,
        param(p("down.weight"), [bottleneck, width], { kind: "kaiming-normal", a: Math.sqrt(5), fan: width }),
        param(p("down.bias"), [bottleneck], { kind: "zeros" }),
      );
      const up = g.linear(
        g.relu(down),
        param(p("up.weight"), [width, bottleneck], { kind: "zeros" }),
        param(p("up.bias"), [width], { kind: "zeros" }),
      );
      return g.add(output, g.mul(up, param(p("scale"), [1], { kind: "constant", value: 1 })));
    },
  }),
});

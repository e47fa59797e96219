import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { expectParity } from "../../../test/support/parity.ts";
import { differentiate } from "../../autodiff/index.ts";
import { createGraph, type Value } from "../../graph/index.ts";
import { compile } from "../../runtime/index.ts";
import { classMeans, drawShots } from "./class-mean.ts";
import { buildHead, HEADS, type HeadType } from "./index.ts";

/** Tensors are base64 of little-endian doubles. */
interface Golden {
  readonly reference: string;
  readonly forward: {
    readonly batch: number;
    readonly width: number;
    readonly classes: number;
    readonly scale: number;
    readonly features: string;
    readonly weight: string;
    readonly bias: string;
    readonly upstream: string;
    readonly heads: Readonly<
      Record<HeadType, { readonly logits: string; readonly gradients: Readonly<Record<string, string>> }>
    >;
  };
  readonly starts: {
    readonly classes: number;
    readonly width: number;
    readonly labels: readonly number[];
    readonly features: string;
    readonly classMeans: string;
    readonly shots: readonly {
      readonly seed: number;
      readonly shots: number;
      readonly indices: readonly number[];
    }[];
  };
}
const { reference, forward, starts } = JSON.parse(
  readFileSync(new URL("../../../test/fixtures/heads/golden.json", import.meta.url), "utf8"),
) as Golden;

const unpack = (text: string): Float64Array => {
  const bytes = Buffer.from(text, "base64");
  return Float64Array.from({ length: bytes.length / 8 }, (_, i) => bytes.readDoubleLE(8 * i));
};

describe("heads in double precision", () => {
  it.each(Object.keys(HEADS) as HeadType[])("%s", async (type) => {
    const { batch, width, classes, scale } = forward;
    const g = createGraph({ floatType: "float64" });
    const features = g.input("features", "float64", [batch, width]);
    const params = new Map<string, Value>();
    const logits = buildHead(g, features, {
      type,
      classes,
      scale,
      declare: (name, shape) => {
        params.set(name, g.input(name, "float64", shape));
        return params.get(name)!;
      },
    });
    const loss = g.reduceSum(g.mul(logits, g.constant(unpack(forward.upstream), [batch, classes])));
    const wrt = { features, ...Object.fromEntries(params) };
    const gradients = differentiate(g, loss, Object.values(wrt));
    const program = await compile(
      g,
      { logits, ...Object.fromEntries(Object.keys(wrt).map((name, i) => [`d ${name}`, gradients[i]!])) },
      { optimize: "none", threads: 1 },
    );
    const out = await program.run({
      features: unpack(forward.features),
      "head.weight": unpack(forward.weight),
      "head.bias": unpack(forward.bias),
    });
    await program.release();

    const golden = forward.heads[type];
    const row = { module: `head ${type}`, reference, tolerance: 1e-11 };
    expectParity({
      ...row,
      what: "logits",
      actual: out.logits as Float64Array,
      expected: unpack(golden.logits),
    });
    expect([...params.keys()].map((name) => name.slice("head.".length))).toEqual(
      Object.keys(golden.gradients).slice(1),
    );
    for (const [name, gradient] of Object.entries(golden.gradients)) {
      const own = out[name === "features" ? "d features" : `d head.${name}`] as Float64Array;
      expectParity({ ...row, what: `gradient of ${name}`, actual: own, expected: unpack(gradient) });
    }
  });
});

describe("what the rows start from", () => {
  const data = {
    features: Float32Array.from(unpack(starts.features)),
    labels: Int32Array.from(starts.labels),
    classes: starts.classes,
    width: starts.width,
  };

  it("class means", () => {
    const row = { module: "head start class-mean", what: "rows", reference, tolerance: 1e-6 };
    expectParity({ ...row, actual: classMeans(data), expected: unpack(starts.classMeans) });
  });

  it.each(starts.shots)(
    "the choice of $shots shots is Python's for seed $seed",
    ({ seed, shots, indices }) => {
      expect(drawShots(data.labels, data.classes, shots, seed)).toEqual(indices);
    },
  );
});

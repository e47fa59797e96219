import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { differentiate } from "../../core/autodiff/index.ts";
import { createGraph } from "../../core/graph/index.ts";
import { openCheckpoint } from "../../core/models/checkpoint/folder.ts";
import { classifier } from "../../core/models/classifier.ts";
import { frozenWeights } from "../../core/models/frozen-weights.ts";
import { compile } from "../../core/runtime/index.ts";
import { initParams } from "../../core/training/params.ts";
import { choosePefts, type PeftChoice } from "../../test/support/choose-peft.ts";
import { expectParity } from "../../test/support/parity.ts";

/** Arrays are base64 of little-endian float32. */
interface GoldenCase {
  readonly reference: string;
  readonly peft: readonly PeftChoice[];
  /** Parameters that do not come from the checkpoint. */
  readonly values: Readonly<Record<string, string>>;
  readonly outputs: Readonly<Record<string, GoldenOutput>>;
}

interface GoldenOutput {
  /** [B, width] */
  readonly features: string;
  /** Of Σ features · mix with respect to every trained parameter. */
  readonly gradients: Readonly<Record<string, string>>;
}

const folder = fileURLToPath(new URL("../../test/fixtures/peft", import.meta.url));
const read = <T>(name: string) => JSON.parse(readFileSync(`${folder}/${name}.json`, "utf8")) as T;
const unpack = (text: string) => new Float32Array(Uint8Array.from(Buffer.from(text, "base64")).buffer);

const inputs = read<{ readonly pixels: string; readonly mix: string; readonly batch: number }>("inputs");
const cases = readdirSync(folder)
  .filter((file) => file.endsWith(".json") && !["inputs.json", "counts.json"].includes(file))
  .map((file) => file.slice(0, -5))
  .flatMap((name) => ["quick_gelu", "gelu"].map((activation) => ({ name, activation })));

/** Features and gradients of a case's methods on the small checkpoint. */
async function run(peft: readonly PeftChoice[], given: Readonly<Record<string, string>>, activation: string) {
  const checkpoint = await openCheckpoint(`${folder}/clip`);
  const shape = { ...checkpoint.config.vision, activation };
  const { width, imageSize } = shape;
  const locate = checkpoint.locate.bind(checkpoint);
  const g = createGraph();
  const model = classifier(g, g.input("pixels", "float32", [inputs.batch, 3, imageSize, imageSize]), {
    shape,
    weights: frozenWeights(g, locate),
    locate,
    classes: 100,
    peft: await choosePefts(peft),
    headInit: new Float32Array(100 * width),
    headScale: 25,
  });
  const params = model.params.filter(({ name }) => !name.startsWith("head."));
  const values = await initParams(
    params.map(({ name, value, init }) => ({ name, shape: value.shape, init })),
    0,
  );
  for (const [name, text] of Object.entries(given)) {
    expect(values.get(name)?.length, name).toBe(unpack(text).length);
    values.set(name, unpack(text));
  }
  const mix = g.constant(unpack(inputs.mix), [inputs.batch, width]);
  const gradients = differentiate(
    g,
    g.reduceSum(g.mul(model.features, mix)),
    params.map(({ value }) => value),
  );
  const program = await compile(
    g,
    {
      features: model.features,
      ...Object.fromEntries(params.map(({ name }, i) => [`d ${name}`, gradients[i]!])),
    },
    { threads: 1 },
  );
  const out = await program.run({ pixels: unpack(inputs.pixels), ...Object.fromEntries(values) });
  await program.release();
  return {
    features: out.features as Float32Array,
    gradients: new Map(params.map(({ name }) => [name, out[`d ${name}`] as Float32Array])),
  };
}

const largest = (values: Float32Array) => values.reduce((max, value) => Math.max(max, Math.abs(value)), 0);

describe.each(cases)("$name with $activation", ({ name, activation }) => {
  it("gives the reference's features and gradients", async () => {
    const { reference, peft, values, outputs } = read<GoldenCase>(name);
    const expected = outputs[activation]!;
    const actual = await run(peft, values, activation);
    const row = { module: `peft ${peft.map(({ use }) => use).join(" + ")}`, reference };
    expectParity({
      ...row,
      what: `features, ${activation}`,
      actual: actual.features,
      expected: unpack(expected.features),
      tolerance: 1e-4,
    });
    expect([...actual.gradients.keys()].sort()).toEqual(Object.keys(expected.gradients).sort());
    const gradients = Object.entries(expected.gradients).map(([key, text]) => [key, unpack(text)] as const);
    const scale = Math.max(...gradients.map(([, values]) => largest(values)));
    for (const [key, values] of gradients) {
      const own = actual.gradients.get(key)!;
      // Adding the same number to all scores changes nothing: the gradient of a key's bias is zero but for rounding.
      const vanishes = largest(values) < 1e-6 * scale;
      if (vanishes) expect(largest(own), key).toBeLessThan(1e-5 * scale);
      else {
        const what = `gradient of ${key}, ${activation}`;
        expectParity({ ...row, what, actual: own, expected: values, tolerance: 1e-3 });
      }
    }
  });
});

describe("the fixture", () => {
  it("has a case for every method, and tells the activations apart", () => {
    const methods = readdirSync(fileURLToPath(new URL(".", import.meta.url)), { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && entry.name !== "shared")
      .map((entry) => entry.name);
    const tested = new Set(cases.flatMap(({ name }) => read<GoldenCase>(name).peft.map(({ use }) => use)));
    expect([...tested].sort()).toEqual(methods.sort());
    const { quick_gelu, gelu } = read<GoldenCase>("full").outputs;
    expect(quick_gelu!.features).not.toBe(gelu!.features);
  });
});

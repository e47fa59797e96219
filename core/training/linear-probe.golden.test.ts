import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { expectParity } from "../../test/support/parity.ts";
import { linearProbe } from "./linear-probe.ts";

/** Tensors are base64 of little-endian doubles. */
interface Golden {
  readonly reference: string;
  readonly starts: {
    readonly classes: number;
    readonly width: number;
    readonly labels: readonly number[];
    readonly features: string;
    readonly probe: { readonly rows: string; readonly value: number };
  };
}
const { reference, starts } = JSON.parse(
  readFileSync(new URL("../../test/fixtures/heads/golden.json", import.meta.url), "utf8"),
) as Golden;

const unpack = (text: string): Float64Array => {
  const bytes = Buffer.from(text, "base64");
  return Float64Array.from({ length: bytes.length / 8 }, (_, i) => bytes.readDoubleLE(8 * i));
};

describe("the linear probe", () => {
  const data = {
    features: Float32Array.from(unpack(starts.features)),
    labels: Int32Array.from(starts.labels),
    classes: starts.classes,
    width: starts.width,
  };

  it.each([4096, 30])("reaches the optimum, in batches of %i", async (batchSize) => {
    const probe = await linearProbe(data, { tolerance: 1e-6, batchSize, threads: 1 });
    expect(probe.converged).toBe(true);
    expect(probe.iterations).toBeLessThan(100);
    const row = { module: "head start linear-probe", reference };
    expectParity({
      ...row,
      what: `rows, batches of ${batchSize}`,
      tolerance: 1e-4,
      actual: probe.rows,
      expected: unpack(starts.probe.rows),
    });
    expectParity({
      ...row,
      what: `objective, batches of ${batchSize}`,
      tolerance: 1e-6,
      actual: [probe.value],
      expected: [starts.probe.value],
    });
  });

  it("is the same every time, and says when it stopped early", async () => {
    const [a, b] = [await linearProbe(data, { threads: 1 }), await linearProbe(data, { threads: 1 })];
    expect(a).toEqual(b);
    const early = await linearProbe(data, { threads: 1, maxIterations: 3 });
    expect(early).toMatchObject({ iterations: 3, converged: false });
    expect(early.gradient).toBeGreaterThan(1e-4);
  });
});

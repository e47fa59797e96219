import { describe, expect, it } from "vitest";
import { initParams } from "./params.ts";

describe("unit rows", () => {
  it("have length 1, point anywhere, and depend on the seed and the name alone", async () => {
    const [rows, width] = [200, 24];
    const spec = (name: string) => ({
      name,
      shape: [rows, width],
      init: { kind: "unit-rows", width } as const,
    });
    const values = (await initParams([spec("w"), spec("v")], 0)).get("w")!;
    for (let k = 0; k < rows; k++)
      expect(Math.hypot(...values.subarray(k * width, (k + 1) * width))).toBeCloseTo(1, 6);
    // An entry of a random direction has mean 0 and variance 1 / width.
    const moment = (power: number) => values.reduce((sum, v) => sum + v ** power, 0) / values.length;
    expect(Math.abs(moment(1))).toBeLessThan(0.01);
    expect(moment(2)).toBeCloseTo(1 / width, 6);
    expect((await initParams([spec("w")], 0)).get("w")).toEqual(values);
    expect((await initParams([spec("v")], 0)).get("v")).not.toEqual(values);
    expect((await initParams([spec("w")], 1)).get("w")).not.toEqual(values);
  });
});

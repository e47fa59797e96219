import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { lossOffer } from "./loss-offers.ts";
import { describeSize, duration, planSize } from "./plan-size.ts";

/** As the built-in losses are, without naming them. */
const combined = lossOffer({
  name: "combined",
  options: {
    properties: {
      how: { enum: ["after", "together"], default: "after" },
      tau: { type: "number", default: 1 },
    },
  },
  recipe: ({ how, tau = 1 }) =>
    how === "together" ? { mode: "joint" } : { mode: "post-hoc", base: { use: "base", tau } },
});
const seeded = lossOffer({
  name: "seeded",
  options: {},
  recipe: () => ({ mode: "post-hoc", base: { use: "base", tau: 1 }, over: "seeds" }),
});
const many = lossOffer({
  name: "many",
  options: { properties: { runs: { type: "integer" } } },
  recipe: () => ({ mode: "post-hoc", base: { use: "base", tau: 1 }, over: "seeds" }),
});
const frozen = lossOffer({ name: "frozen", options: {}, recipe: () => ({ mode: "post-hoc", over: "one" }) });
const offers = {
  datasets: [],
  backbones: [],
  losses: ["base", "plain", combined, seeded, many, frozen],
  pefts: [],
  devices: [],
};
const size = (losses: unknown[], backbones = ["a", "b", "c"], seeds = [0, 1]) =>
  planSize({ losses, backbones, seeds }, offers);

describe("the size of a plan", () => {
  it("counts a loss over one model per backbone and seed", () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.integer({ min: 0, max: 99 }), { minLength: 1, maxLength: 5 }),
        fc.nat(4),
        (seeds, b) => {
          const backbones = Array.from({ length: b }, (_, i) => `m${i}`);
          const count = b * seeds.length;
          expect(size([{ use: "plain" }], backbones, seeds)).toEqual({
            trainings: count,
            work: count,
            rows: count,
          });
        },
      ),
    );
  });

  it("counts a joint loss once per seed, with the work of its backbones", () => {
    expect(size([{ use: "combined", how: "together" }])).toEqual({ trainings: 2, work: 6, rows: 2 });
  });

  it("adds a post-hoc loss's base where it is not listed, and shares it where it is", () => {
    expect(size(["combined"])).toEqual({ trainings: 6, work: 6, rows: 2 });
    expect(size(["combined", { use: "base", tau: 1 }])).toEqual({ trainings: 6, work: 6, rows: 8 });
    expect(
      size([
        { use: "combined", tau: 2 },
        { use: "base", tau: 1 },
      ]),
    ).toEqual({ trainings: 12, work: 12, rows: 8 });
  });

  it("shares run 0 of an ensemble over seeds with the row of its seed", () => {
    expect(size(["seeded"], ["a"], [0])).toEqual({ trainings: 2, work: 2, rows: 1 });
    expect(size(["seeded", { use: "base", tau: 1 }], ["a"], [0])).toEqual({ trainings: 2, work: 2, rows: 2 });
  });

  it("counts runs of any number, as someone types or clones it", () => {
    const runs = (count: unknown) => ({ use: "many", runs: count });
    expect(size([runs(1e9)], ["a", "b"], [0, 1])).toEqual({ trainings: 4e9, work: 4e9, rows: 4 });
    expect(size([runs(1e9), { use: "base", tau: 1 }, runs(5)], ["a"], [0]).trainings).toBe(1e9);
    expect(size([runs(5), runs(3), runs(0), runs(-1), "seeded"], ["a"], [0]).trainings).toBe(5);
    expect(size([runs(Number.POSITIVE_INFINITY)]).trainings).toBe(Number.POSITIVE_INFINITY);
  });

  it("trains nothing for what only frozen models predict, and has one row for all seeds", () => {
    expect(size(["frozen"])).toEqual({ trainings: 0, work: 0, rows: 3 });
  });

  it("is told in words, with a time where one is known", () => {
    expect(describeSize(size([{ use: "plain" }], ["a"], [0]))).toBe(
      "Trains 1 model, for the 1 row asked for.",
    );
    expect(describeSize(size([{ use: "plain" }]), { seconds: 3600, trainings: 8 })).toBe(
      "Trains 6 models, for the 6 rows asked for. About 60 min, going by 8 finished trainings.",
    );
    expect([duration(59.6), duration(5400), duration(7199)]).toEqual(["60 s", "1 h 30 min", "2 h 0 min"]);
  });
});

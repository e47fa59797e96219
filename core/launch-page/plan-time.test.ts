import { describe, expect, it } from "vitest";
import { planTime } from "./plan-time.ts";
import type { Timing } from "./types.ts";

const offers = {
  datasets: [],
  backbones: [],
  losses: [
    "plain",
    { name: "joint", forms: [{ mode: "joint" as const }] },
    { name: "after", forms: [{ mode: "post-hoc" as const, base: { use: "plain", options: {} } }] },
    {
      name: "many",
      forms: [{ mode: "post-hoc" as const, base: { use: "plain", options: {} }, over: "seeds" as const }],
    },
    { name: "frozen", forms: [{ mode: "post-hoc" as const }] },
  ],
  pefts: [],
  devices: ["cpu", "cuda"],
};
const timing = (backbone: string, secondsPerEpoch: number, own: Partial<Timing> = {}): Timing => ({
  dataset: "d",
  backbone,
  device: "cpu",
  secondsPerEpoch,
  trainings: 3,
  ...own,
});
const timings = [timing("a", 10), timing("b", 20), timing("a", 1, { device: "cuda", trainings: 1 })];
const time = (config: Readonly<Record<string, unknown>>) =>
  planTime({ dataset: "d", backbones: ["a"], losses: ["plain"], ...config }, offers, {
    timings,
    usualEpochs: 10,
  });

describe("the time of a plan", () => {
  it("goes by the trainings of the same data, model and device, and by the epochs", () => {
    expect(time({})).toEqual({ seconds: 100, trainings: 3 });
    expect(time({ train: { epochs: 2 } })).toEqual({ seconds: 20, trainings: 3 });
    expect(time({ device: "cuda" })).toEqual({ seconds: 10, trainings: 1 });
    expect(time({ backbones: ["a", { use: "b", label: "mine" }], seeds: [0, 1] })).toEqual({
      seconds: 2 * (100 + 200),
      trainings: 6,
    });
  });

  it("counts shared trainings once, and joint ones as their backbones", () => {
    expect(time({ losses: ["after", "plain"] })?.seconds).toBe(100);
    expect(time({ losses: ["joint", "plain"], backbones: ["a", "b"] })?.seconds).toBe(300 + 300);
  });

  it("grows with a number of runs of any size", () => {
    expect(time({ losses: [{ use: "many", runs: 1e9 }] })?.seconds).toBe(100 * 1e9);
    expect(time({ losses: [{ use: "many", runs: 3 }, "plain"], seeds: [0, 1] })?.seconds).toBe(100 * 6);
  });

  it("is unknown where one of them was never trained, and where nothing is", () => {
    expect(time({ backbones: ["a", "c"] })).toBeUndefined();
    expect(time({ dataset: "other" })).toBeUndefined();
    expect(time({ device: "cuda", backbones: ["b"] })).toBeUndefined();
    expect(time({ losses: ["frozen"] })).toBeUndefined();
    expect(time({ train: { epochs: "x" } })).toBeUndefined();
  });
});

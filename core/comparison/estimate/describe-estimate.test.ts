import { describe, expect, it } from "vitest";
import { duration, estimateText, flops, size } from "./describe-estimate.ts";
import type { Estimate, Speed } from "./types.ts";

describe("units", () => {
  it.each([
    [flops(0), "0 FLOP"],
    [flops(999), "999 FLOP"],
    [flops(64.1e9), "64 GFLOP"],
    [flops(2.5e18), "2.5 EFLOP"],
    [flops(3e22), "30000 EFLOP"],
    [size(0), "0 B"],
    [size(1536), "1.5 KiB"],
    [size(24 * 2 ** 30), "24 GiB"],
    [duration(4), "4.0 s"],
    [duration(600), "10 min"],
    [duration(5.25 * 3600), "5.3 h"],
    [duration(80 * 3600), "3.3 days"],
  ])("%s is %s", (text, expected) => expect(text).toBe(expected));
});

const estimateAt = (speed: Speed | undefined): Estimate => {
  const cost = { images: 1e6, operations: 1e17, ...(speed ? { seconds: 2000 } : {}) };
  return {
    sizes: { classes: 10, train: 1000, test: 100, from: "published" },
    microBatch: {},
    time: {
      cells: [{ id: "x", label: "ce · clip · seed 0", training: cost, evaluation: cost }],
      shared: [],
      training: cost,
      evaluation: cost,
      total: cost,
      ...(speed ? { speed } : {}),
    },
    memory: { host: [{ what: "process", bytes: 2 ** 28 }], device: [], cell: "ce · clip · seed 0" },
    disk: { runFolder: [], tracking: [], downloads: [{ what: "clip", bytes: 2 ** 30 }] },
    assumes: ["nothing"],
  };
};
const textAt = (speed?: Speed) => estimateText({ ok: true, notes: ["a note"], estimate: estimateAt(speed) });

describe("estimateText", () => {
  it("gives operations alone, and how to get the time, where no rate is known", () => {
    const text = textAt();
    expect(text).toMatch(/^ {2}total +1,000,000 images, 100 PFLOP; --rate <TFLOP\/s> of the device/m);
    expect(text).not.toMatch(/min|a second/);
    expect(text).toMatch(/^ {2}a note$/m);
    expect(text).toContain("1.0 GiB (clip 1.0 GiB) to fetch");
  });

  it("gives the time, and how fast images have to come", () => {
    const text = textAt({ from: "given", rate: 50e12 });
    expect(text).toContain("100 PFLOP, 33 min, at 50 TFLOP/s as given");
    expect(text).toContain("500 a second are to be prepared");
    expect(textAt({ from: "steps" })).toContain("from steps and batches timed here");
  });

  it("says why there is none", () => {
    expect(estimateText({ ok: false, notes: ["no data"] })).toBe("estimate: not possible\n  no data");
  });
});

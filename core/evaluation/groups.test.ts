import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { crossGroups, downstreamGroups, dualTail, GROUPS, groupSizes, pretrainGroups } from "./index.ts";

describe("downstreamGroups", () => {
  it("cuts at the paper's thresholds, bounds belonging to medium", () => {
    expect(downstreamGroups([500, 101, 100, 20, 19, 0])).toEqual([
      "many",
      "many",
      "medium",
      "medium",
      "few",
      "few",
    ]);
    expect(downstreamGroups([5, 3, 1], { many: 4, few: 2 })).toEqual(["many", "medium", "few"]);
    expect(() => downstreamGroups([1], { many: 1, few: 2 })).toThrow(/few \(2\) is above many \(1\)/);
  });
});

describe("pretrainGroups", () => {
  it("cuts thirds whose sizes differ by at most one and which respect the order of the prior", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 6 }), { minLength: 1, maxLength: 40 }), (prior) => {
        const groups = pretrainGroups(prior);
        const sizes = Object.values(groupSizes(groups));
        expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
        prior.forEach((a, i) => {
          prior.forEach((b, j) => {
            const before = a > b || (a === b && i < j);
            if (before) expect(GROUPS.indexOf(groups[i]!)).toBeLessThanOrEqual(GROUPS.indexOf(groups[j]!));
          });
        });
      }),
      { seed: 1 },
    );
  });

  it("breaks ties by class index", () => {
    expect(pretrainGroups([1, 1, 1, 1])).toEqual(["many", "many", "medium", "few"]);
  });
});

describe("crossGroups", () => {
  it("puts every class in one cell", () => {
    const d = downstreamGroups([200, 50, 5, 5, 300, 1]);
    const p = pretrainGroups([6, 5, 4, 3, 2, 1]);
    expect(crossGroups(d, p)).toEqual([
      [[0], [], [4]],
      [[1], [], []],
      [[], [2, 3], [5]],
    ]);
    expect(dualTail(d, p)).toEqual([5]);
    expect(() => crossGroups(d, p.slice(1))).toThrow(/6 classes in D-groups but 5/);
  });
});

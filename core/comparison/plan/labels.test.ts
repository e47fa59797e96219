import { describe, expect, it } from "vitest";
import { labelsOf } from "./labels.ts";

describe("labels", () => {
  it("tell entries apart by the options that differ, down to those of a plugin chosen in them", () => {
    const own = { use: "b", label: "mine", options: { inner: { use: "k", n: 3 }, tau: 1 } };
    expect(
      labelsOf([
        { use: "a", options: { tau: 1 } },
        { use: "b", options: { inner: { use: "k", n: 1 }, tau: 1 } },
        own,
        { use: "b", options: { inner: { use: "k", n: 2 }, tau: 1 } },
        { use: "b", options: { inner: { use: "d" }, tau: 1 } },
        { use: "b", options: { inner: "text", tau: 1 } },
        { use: "b", options: { tau: 1 } },
      ]),
    ).toEqual([
      "a",
      "b(inner=k(n=1))",
      "mine",
      "b(inner=k(n=2))",
      "b(inner=d)",
      "b(inner=text)",
      "b(inner=–)",
    ]);
  });

  it("take time with the number of entries, not with its cube", () => {
    /** How often an option of an inner plugin is read. */
    const readsFor = (length: number) => {
      let reads = 0;
      const entries = Array.from({ length }, (_, n) => ({
        use: "outer",
        options: {
          inner: Object.defineProperty({ use: "k" }, "n", {
            enumerable: true,
            get: () => {
              reads += 1;
              return n;
            },
          }),
        },
      }));
      expect(new Set(labelsOf(entries)).size).toBe(length);
      return reads;
    };
    expect(readsFor(300) / readsFor(30)).toBeLessThan(12);
  });
});

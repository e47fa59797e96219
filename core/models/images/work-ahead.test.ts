import { describe, expect, it } from "vitest";
import { workAhead } from "./work-ahead.ts";

describe("workAhead", () => {
  it("begins the next item when one is handed out, and no more", async () => {
    const begun: number[] = [];
    const items = workAhead(3, 6, async (i) => {
      begun.push(i);
      return i * 10;
    });
    expect(begun).toEqual([]);
    expect(await items.next()).toBe(30);
    expect(begun).toEqual([3, 4]);
    expect(await items.next()).toBe(40);
    expect(await items.next()).toBe(50);
    expect(begun).toEqual([3, 4, 5]);
    await expect(items.next()).rejects.toThrow("there is no item 6");
  });

  it("throws where the item is asked for, and settles all the same", async () => {
    const items = workAhead(0, 2, async (i) => {
      if (i === 1) throw new Error("does not decode");
      return i;
    });
    expect(await items.next()).toBe(0);
    await items.settle();
    await expect(items.next()).rejects.toThrow("does not decode");
  });
});

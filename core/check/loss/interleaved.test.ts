import { expect, it } from "vitest";
import { interleavedMedians } from "./interleaved.ts";

it("tells the median of runs that take turns, without the first rounds", async () => {
  const order: string[] = [];
  const run = (name: string, times: number[]) => async () => {
    order.push(name);
    return times.shift()!;
  };
  const slow = run("a", [50, 50, 4, 0.1, 5]);
  const fast = run("b", [90, 90, 1, 2, 30]);
  expect(await interleavedMedians([slow, fast], 3)).toEqual([4, 2]);
  expect(order.join("")).toBe("abbaabbaab");
});

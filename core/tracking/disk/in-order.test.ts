import { expect, it } from "vitest";
import { createOrder } from "./in-order.ts";

const later = <T>(value: T, ms = 5) => new Promise<T>((resolve) => setTimeout(() => resolve(value), ms));

it("runs one after the other, also where one begins while another ends", async () => {
  const order = createOrder();
  const seen: string[] = [];
  const work = (name: string, ms: number) =>
    order.run(async () => {
      seen.push(`${name} begins`);
      await later(undefined, ms);
      seen.push(`${name} ends`);
      return name;
    });
  const first = work("a", 10).then((name) => {
    void work("c", 1);
    return name;
  });
  const second = work("b", 1);
  expect(await Promise.all([first, second])).toEqual(["a", "b"]);
  await order.run(async () => undefined);
  expect(seen).toEqual(["a begins", "a ends", "b begins", "b ends", "c begins", "c ends"]);
});

it("begins at once where nothing is under way, again after that has ended", async () => {
  const order = createOrder();
  for (let round = 0; round < 3; round += 1) {
    let begun = false;
    const done = order.run(async () => {
      begun = true;
    });
    expect(begun).toBe(true);
    expect(order.isIdle).toBe(false);
    await done;
    await later(undefined, 0);
    expect(order.isIdle).toBe(true);
  }
});

it("gives an error to who asked, and to nobody else", async () => {
  const order = createOrder();
  const bad = order.run(async () => {
    await later(undefined);
    throw new Error("no");
  });
  const good = order.run(async () => "yes");
  await expect(bad).rejects.toThrow("no");
  expect(await good).toBe("yes");
});

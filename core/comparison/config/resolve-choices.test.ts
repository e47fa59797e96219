import { describe, expect, it } from "vitest";
import { createContainer, resolve } from "../../container/index.ts";
import type { Problem } from "../../container/schema/problem.ts";
import { createResolver } from "./resolve-choices.ts";

const registry = resolve(await createContainer(), "registry");
const problem = (...path: (string | number)[]): Problem => ({ path, at: "value", problem: "is wrong" });

describe("a resolver", () => {
  it("leaves alone what is known to be wrong, and only that", () => {
    const known = [problem("losses", 1), problem("losses", 2, "tau"), problem("peft")];
    const resolver = createResolver(registry, known);
    const losses = resolver.plugins("loss", ["losses"], ["ce", "x", "y", "la", "z"]);
    expect(losses.map(({ use }) => use)).toEqual(["ce", "la"]);
    expect(resolver.optional("peft", ["peft"], "x")).toBeUndefined();
    expect(resolver.problems.map(({ path }) => path)).toEqual([["losses", 4]]);
  });

  it("looks once at what is known, however many choices there are", () => {
    let looks = 0;
    const known = Array.from({ length: 100 }, (_, i): Problem => {
      const one = problem("losses", i);
      return {
        ...one,
        get path() {
          looks += 1;
          return one.path;
        },
      };
    });
    const resolver = createResolver(registry, known);
    expect(resolver.plugins("loss", ["losses"], new Array(101).fill("ce"))).toHaveLength(1);
    expect(looks).toBe(known.length);
  });
});

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { nearest, suggest } from "./nearest.ts";

const word = fc.stringMatching(/^[a-z]{4,12}$/);

describe("nearest", () => {
  it("finds a word again after any one change", () => {
    fc.assert(
      fc.property(
        word,
        fc.nat(),
        fc.constantFrom("drop", "double", "swap", "replace"),
        (text, seed, change) => {
          const at = seed % (text.length - 1);
          const changed = {
            drop: text.slice(0, at) + text.slice(at + 1),
            double: text.slice(0, at) + text[at] + text.slice(at),
            swap: text.slice(0, at) + text[at + 1] + text[at] + text.slice(at + 2),
            replace: `${text.slice(0, at)}0${text.slice(at + 1)}`,
          }[change];
          expect(nearest(changed, ["0000000000000", text])).toBe(text);
        },
      ),
    );
  });

  it("does not count case, hyphens and underscores", () => {
    expect(nearest("batch_size", ["batchSize", "bases"])).toBe("batchSize");
    expect(nearest("GLA_train", ["gla-train"])).toBe("gla-train");
  });

  it("looks only at candidates of about its length, so that a long text costs nothing", () => {
    // "abcde" is nearer, but too far for one so short.
    expect(nearest("abcdefgh", ["abcde", "abcdefghijkl"])).toBe("abcdefghijkl");
    expect(nearest("x".repeat(1_000_000), ["x".repeat(20), "y".repeat(30)])).toBeUndefined();
  });

  it("stays silent when nothing is close", () => {
    expect(nearest("momentum", ["lr", "use"])).toBeUndefined();
    expect(nearest("x", [])).toBeUndefined();
    expect(suggest("momentum", ["use", "lr"])).toBe("allowed: lr, use");
  });
});

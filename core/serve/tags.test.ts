import { describe, expect, it } from "vitest";
import { oneLine } from "./tags.ts";

describe("an answer", () => {
  it("is one line, in which nothing turns the direction of writing", () => {
    expect(oneLine(" a\r\nb\0\u0007c\u2028d \u202egnp.exe\u2066 \u200fé\u061c ")).toBe("a b c d gnp.exe é");
  });

  it("has no half of a character, after which MLflow would drop the rest", () => {
    expect(oneLine("a\ud83d b\ude00 😀\ud83d")).toBe("a\ufffd b\ufffd 😀\ufffd");
  });

  it("has at most 1,000 characters, none of them cut in two", () => {
    expect(oneLine("x".repeat(1000))).toBe("x".repeat(1000));
    expect(oneLine(`${"x".repeat(997)}😀😀😀`)).toBe(`${"x".repeat(997)}…`);
  });
});

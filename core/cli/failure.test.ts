import { describe, expect, it } from "vitest";
import { ConfigErrors } from "../comparison/config/index.ts";
import { ConfigError, DualtailError, FileError } from "../errors.ts";
import { exitCodeOf, failureLines, UsageError } from "./failure.ts";
import { InterruptedError } from "./interrupts.ts";

const config = (path: string) => new ConfigError(path, "is wrong", { source: "c.yaml:1:2", hint: "fix it" });

describe("a failure", () => {
  it.each<[string, unknown, number, string[]]>([
    ["of the config", config("/a"), 2, ["error: c.yaml:1:2: /a: is wrong — fix it"]],
    [
      "of the config in several places",
      new ConfigErrors([config("/a"), config("/b")]),
      2,
      ["error: c.yaml:1:2: /a: is wrong — fix it", "error: c.yaml:1:2: /b: is wrong — fix it"],
    ],
    ["of usage", new UsageError("no"), 2, ["error: no"]],
    [
      "of a file",
      new FileError("w.safetensors", "is\n truncated"),
      1,
      ["error: w.safetensors: is truncated"],
    ],
    ["of ours", new DualtailError("loss is NaN", { hint: "lower lr" }), 1, ["error: loss is NaN — lower lr"]],
    ["that is a bug", new TypeError("x is\nundefined"), 1, ["error: x is undefined (--debug shows where)"]],
    ["that is no error", "text", 1, ["error: text (--debug shows where)"]],
    ["that was asked for", new InterruptedError("interrupted"), 130, ["error: interrupted"]],
  ])("%s", (_what, error, code, lines) => {
    expect(exitCodeOf(error)).toBe(code);
    expect(failureLines(error, { debug: false })).toEqual(lines);
  });

  it("shows stacks down to the cause when debugging", () => {
    const error = new DualtailError("outer", { cause: new Error("inner") });
    const text = failureLines(error, { debug: true }).join("\n");
    expect(text).toMatch(/^error: outer\n.*outer\n +at .*failure\.test(.*\n)+caused by Error: inner\n +at /);
  });
});

import { describe, expect, it, vi } from "vitest";
import { ConfigError, DualtailError, describeError, FileError } from "./errors.ts";

describe("an error of another copy of dualtail", () => {
  const otherCopy = async () => {
    vi.resetModules();
    const other = await import("./errors.ts");
    expect(other.DualtailError).not.toBe(DualtailError);
    return other;
  };

  it("is one for the user, of whatever class", async () => {
    const other = await otherCopy();
    const errors = [
      new other.DualtailError("no luck", { hint: "try again" }),
      new other.FileError("a.txt", "is gone"),
      new (class OwnError extends other.DualtailError {})("of the plugin's own class"),
    ];
    for (const error of errors) expect(error).toBeInstanceOf(DualtailError);
    expect(new FileError("a.txt", "is gone")).toBeInstanceOf(other.DualtailError);
    expect(describeError(errors[0])).toBe("no luck — try again");
  });

  it("is of no class that means more here", async () => {
    const { ConfigError: OtherConfigError } = await otherCopy();
    expect(new OtherConfigError("/x", "wrong")).not.toBeInstanceOf(ConfigError);
    expect(new DualtailError("x")).not.toBeInstanceOf(ConfigError);
    expect(new ConfigError("/x", "wrong")).toBeInstanceOf(ConfigError);
    expect(new ConfigError("/x", "wrong")).not.toBeInstanceOf(FileError);
  });

  it.each([new Error("x"), { message: "x", hint: "y" }, null, undefined, "x", DualtailError])(
    "is not anything else: %s",
    (value) => expect(value instanceof DualtailError).toBe(false),
  );
});

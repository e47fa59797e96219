import { describe, expect, it } from "vitest";
import { withOwnPart } from "./note.ts";
import { oneLine } from "./tags.ts";

describe("our part of a description", () => {
  it("is added once, replaced, and leaves what people wrote around it", () => {
    const first = withOwnPart("Theirs.", "[a](b)");
    expect(first).toMatch(/^Theirs\.\n\n<!--[\s\S]*\[a\]\(b\)[\s\S]*-->$/);
    const changed = withOwnPart(`${first}\nMore of theirs.`, "[c](d)");
    expect(changed).toMatch(/^Theirs\.[\s\S]*\[c\]\(d\)[\s\S]*-->\nMore of theirs\.$/);
    expect(changed).not.toContain("[a](b)");
    expect(withOwnPart(changed, "[c](d)")).toBe(changed);
    expect(withOwnPart("", "x")).toMatch(/^<!--/);
  });
});

describe("an answer", () => {
  it("is one line without control characters, of bounded length", () => {
    expect(oneLine(" a\n\tb\u0000\u001b[31mc\u2028d ")).toBe("a b [31mc d");
    expect(oneLine("😀".repeat(2000)).length).toBeLessThanOrEqual(1000);
    // Throws for half a character.
    expect(() => encodeURIComponent(oneLine(`a${"😀".repeat(2000)}`))).not.toThrow();
  });
});

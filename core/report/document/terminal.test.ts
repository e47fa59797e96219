import { expect, it } from "vitest";
import { cell } from "./blocks.ts";
import { toTerminal } from "./terminal.ts";

it("continues a wide table below, with its left columns", () => {
  const columns = Array.from({ length: 8 }, (_, i) => `column ${i}`);
  const text = toTerminal(
    [
      {
        kind: "table",
        leftColumns: 1,
        header: ["row", ...columns],
        rows: [
          [cell("la"), ...columns.map((_, i) => ({ text: String(i), note: "[1, 2]", strong: i === 5 }))],
        ],
      },
    ],
    40,
  );
  expect(Math.max(...text.split("\n").map((line) => line.length))).toBeLessThanOrEqual(40);
  const parts = text.split("\n\n");
  expect(parts.length).toBeGreaterThan(1);
  for (const part of parts) expect(part).toMatch(/^row .*\n─.*\nla /);
  for (const [i, name] of columns.entries()) {
    const [head, , line] = parts.find((part) => part.includes(name))!.split("\n");
    const end = head!.indexOf(name) + name.length;
    expect(line!.slice(0, end)).toMatch(new RegExp(`${i}${i === 5 ? "\\*" : ""} \\[1, 2\\]$`));
  }
});

it("leaves figures out, and nothing in a name can steer the terminal", () => {
  const text = toTerminal([
    { kind: "heading", level: 1, text: "Title" },
    { kind: "figures", figures: [{ name: "a", caption: "b", svg: "<svg/>" }] },
    { kind: "paragraph", text: "a \u001b[31mred\u0007 name\nof two lines" },
    { kind: "list", items: ["one"] },
  ]);
  expect(text).toBe("Title\n═════\n\na [31mred name of two lines\n\n- one");
});

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { csvTable } from "../../comparison/presentation/format.ts";
import { parseCsv } from "../read/csv.ts";
import type { Block } from "./blocks.ts";
import { toHtml } from "./html.ts";
import { toMarkdown } from "./markdown.ts";
import { interval, pValue, signed } from "./numbers.ts";

const blocksOf = (text: string): Block[] => [
  { kind: "heading", level: 1, text },
  { kind: "paragraph", text, lead: true },
  { kind: "list", items: [text] },
  { kind: "table", leftColumns: 1, header: [text], rows: [[{ text, note: text, strong: true }]] },
  { kind: "figures", figures: [{ name: "a", caption: text, svg: "<svg></svg>" }] },
];

describe("toHtml and toMarkdown", () => {
  it("let no text become markup", () => {
    const frame = toHtml("", blocksOf(""));
    const tags = (html: string) => html.match(/<[^>]*>/g);
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(..."<>&\"'/scriptonload=()|*_`[]! \n\\a") }), (text) => {
        // An empty note has no element of its own.
        fc.pre(text !== "");
        const html = toHtml(text, blocksOf(text));
        expect(tags(html)).toEqual(tags(toHtml("a", blocksOf("a"))));
        expect(toMarkdown(blocksOf(text))).not.toMatch(/[<>]/);
      }),
    );
    expect(frame).toMatch(/^<!doctype html>/);
  });

  it("keep a Markdown table whole, and links from appearing", () => {
    const table = toMarkdown(blocksOf("a|b\nc [x](javascript:y) **z**")).split("\n\n")[3]!;
    expect(table.split("\n")).toHaveLength(3);
    expect(table.split("\n")[2]).toBe(
      "| **a\\|b c [x\\](javascript:y) \\*\\*z\\*\\*** a\\|b c [x\\](javascript:y) \\*\\*z\\*\\* |",
    );
  });
});

describe("parseCsv", () => {
  it("reads what csvTable writes", () => {
    const field = fc.string({ unit: fc.constantFrom(...'ab,"\n\r ä') });
    fc.assert(
      fc.property(fc.array(fc.tuple(field, field, field), { minLength: 1 }), (body) => {
        expect(parseCsv(csvTable(["x", "y", "z"], body))).toEqual([["x", "y", "z"], ...body]);
      }),
    );
  });

  it("reads lines that end in a line feed alone, and none", () => {
    expect(parseCsv('a,b\n"1,""2""",3\n')).toEqual([
      ["a", "b"],
      ['1,"2"', "3"],
    ]);
    expect(parseCsv("a,b\n1,")).toEqual([
      ["a", "b"],
      ["1", ""],
    ]);
    expect(parseCsv("")).toEqual([]);
  });
});

describe("numbers", () => {
  it("are signed points; what rounds to 0 has no sign", () => {
    expect([0.0123, -0.0123, -0.0004, 0].map(signed)).toEqual(["+1.2", "−1.2", "0.0", "0.0"]);
    expect(interval({ low: -0.003, high: 0.021 })).toBe("[−0.3, +2.1]");
    expect(interval({})).toBe("(one seed: no interval)");
    expect([pValue(0.0004), pValue(0.034)]).toEqual(["< 0.001", "0.034"]);
  });
});

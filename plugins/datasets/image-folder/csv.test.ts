import fc from "fast-check";
import { expect, test } from "vitest";
import { parseCsv } from "./csv.ts";

const field = fc.stringMatching(/^[a-z ,"\r\né]{0,6}$/);
const quote = (text: string, always: boolean) =>
  always || /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;

test("what is written is read, with its lines", () => {
  const row = fc.tuple(
    fc.array(fc.tuple(field, fc.boolean()), { minLength: 2, maxLength: 4 }),
    fc.constantFrom("\n", "\r\n"),
  );
  fc.assert(
    fc.property(fc.array(row, { maxLength: 8 }), fc.boolean(), (rows, lastBreak) => {
      let text = "";
      const expected = rows.map(([fields, end]) => {
        const line = text.split("\n").length;
        text += fields.map(([value, always]) => quote(value, always)).join(",") + end;
        return { line, fields: fields.map(([value]) => value) };
      });
      const last = rows.at(-1)?.[1] ?? "";
      expect(parseCsv(lastBreak ? text : text.slice(0, text.length - last.length), "f")).toEqual(expected);
    }),
  );
});

test("blank lines are skipped, and damage is told with its line", () => {
  expect(parseCsv("a\n\n\r\nb,c\n", "f")).toEqual([
    { line: 1, fields: ["a"] },
    { line: 4, fields: ["b", "c"] },
  ]);
  expect(() => parseCsv('a\nb,"c\n\n', "f")).toThrow("f:2: a quoted field is not closed");
  expect(() => parseCsv('"a"b,c', "f")).toThrow("f:1: there is text behind the closing quote");
  expect(() => parseCsv('"a"\rb', "f")).toThrow("f:1: there is text behind the closing quote");
});

test("any text is parsed or refused", () => {
  fc.assert(
    fc.property(fc.stringMatching(/^[a,"\r\n ]{0,20}$/), (text) => {
      try {
        for (const { line, fields } of parseCsv(text, "f")) {
          expect(line).toBeLessThanOrEqual(text.split("\n").length);
          expect(fields.length).toBeGreaterThan(0);
        }
      } catch (error) {
        expect((error as Error).message).toMatch(/^f:\d+: /);
      }
    }),
    { numRuns: 1000 },
  );
});

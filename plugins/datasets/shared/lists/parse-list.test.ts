import fc from "fast-check";
import { expect, test } from "vitest";
import { parseList } from "./parse-list.ts";

const parse = (text: string, classes = 10) =>
  parseList(text, { file: "list.txt", what: "test list", classes, namesFile: "names.txt" });

const word = fc.stringMatching(/^[\w./()é×-]{1,12}$/);
const entry = fc.record({
  path: fc.array(word, { minLength: 1, maxLength: 3 }).map((words) => words.join(" ")),
  label: fc.nat(9),
  zeros: fc.nat(2),
  gap: fc.constantFrom(" ", "\t", "  \t "),
  before: fc.constantFrom("", "\n", "  \n\r\n", " "),
  end: fc.constantFrom("\n", "\r\n", " \n"),
});

test("what is written is read, with its lines", () => {
  fc.assert(
    fc.property(fc.array(entry, { minLength: 1, maxLength: 30 }), fc.boolean(), (entries, lastBreak) => {
      const lines: number[] = [];
      let text = "";
      for (const { path, label, zeros, gap, before, end } of entries) {
        text += before;
        lines.push(text.split("\n").length);
        text += `${path}${gap}${"0".repeat(zeros)}${label}${end}`;
      }
      const list = parse(lastBreak ? text : text.trimEnd());
      expect(list.paths).toEqual(entries.map(({ path }) => path));
      expect([...list.labels]).toEqual(entries.map(({ label }) => label));
      expect([...list.lines]).toEqual(lines);
    }),
  );
});

test("any text is parsed or refused with its line", () => {
  fc.assert(
    fc.property(fc.stringMatching(/^[ \t\r\na0-9.-]{0,40}$/), (text) => {
      let list: ReturnType<typeof parse>;
      try {
        list = parse(text);
      } catch (error) {
        expect((error as Error).message).toMatch(/^list\.txt(:\d+)?: /);
        return;
      }
      for (const [i, path] of list.paths.entries()) {
        const line = text.split("\n")[list.lines[i]! - 1]!.trim();
        expect(line.startsWith(path)).toBe(true);
        expect(Number(line.slice(path.length))).toBe(list.labels[i]);
      }
    }),
    { numRuns: 1000 },
  );
});

test.each([
  ["a.png 0\nb.png 10\n", "list.txt:2: the label 10 is not one of the 10 classes"],
  [`a.png ${"9".repeat(400)}`, "list.txt:1: the label Infinity"],
  ["7", 'list.txt:1: "7" is not a path and a label'],
  ["a7", 'list.txt:1: "a7" is not a path and a label'],
  ["a 1.5", 'list.txt:1: "a 1.5" is not a path and a label'],
  [" \r\n", "list.txt: the test list is empty"],
])("%j is refused", (text, message) => {
  expect(() => parse(text)).toThrow(message);
});

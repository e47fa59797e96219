import { fromWindows, unescapeCertain, unescapeHtml } from "./html-references.ts";

const LIGATURES: Readonly<Record<string, string>> = {
  ...{ "\u0132": "IJ", "\u0133": "ij", "\u0149": "\u02bcn", "\u01f1": "DZ", "\u01f2": "Dz", "\u01f3": "dz" },
  ...{ "\u01c4": "D\u017d", "\u01c5": "D\u017e", "\u01c6": "d\u017e", "\u01c7": "LJ", "\u01c8": "Lj" },
  ...{ "\u01c9": "lj", "\u01ca": "NJ", "\u01cb": "Nj", "\u01cc": "nj", "\ufb00": "ff", "\ufb01": "fi" },
  ...{ "\ufb02": "fl", "\ufb03": "ffi", "\ufb04": "ffl", "\ufb05": "\u017ft", "\ufb06": "st" },
};

/** The steps of ftfy's fix_text in their order, without the search for text that was decoded wrongly. */
const steps: readonly ((text: string) => string)[] = [
  (text) => text.replace(/[\x80-\x9f]/g, (char) => fromWindows(char.charCodeAt(0))),
  (text) =>
    text.replace(/[\u0132\u0133\u0149\u01c4-\u01cc\u01f1-\u01f3\ufb00-\ufb06]/g, (char) => LIGATURES[char]!),
  (text) => text.replace(/[\u3000\uff01-\uffef]/g, (char) => char.normalize("NFKC")),
  (text) => text.replace(/[\u201c-\u201f]/g, '"').replace(/[\u02bc\u2018-\u201b]/g, "'"),
  (text) => text.replace(/\r\n|[\r\u2028\u2029\u0085]/g, "\n"),
  (text) => text.replace(/\p{Surrogate}/gu, "\ufffd"),
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is taken out
  (text) => text.replace(/\u001b\[[\d;]*[a-zA-Z]/g, ""),
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is taken out
  (text) => text.replace(/[\0-\x08\x0b\x0e-\x1f\x7f\u206a-\u206f\ufeff\ufff9-\ufffc]/g, ""),
  (text) => text.normalize("NFC"),
];

/** Each line on its own, until nothing changes; references are left alone from the first line on that has a "<". */
function fixText(text: string): string {
  let plain = true;
  return text
    .split(/(?<=\n)/)
    .map((line) => {
      plain &&= !line.includes("<");
      return fixLine(line, plain);
    })
    .join("");
}

function fixLine(line: string, replace: boolean): string {
  for (let text = line; ; ) {
    const before = text;
    if (replace) text = unescapeCertain(text);
    for (const step of steps) text = step(text);
    if (text === before) return text;
  }
}

/** White space as Python's str.split has it. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: Python counts them
const SPACES = /[\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+/g;

/**
 * Prepares a text as open_clip does before it is split into words: ftfy's repairs, character references twice, white
 * space, lower case. Text that was decoded wrongly ("Ã©" for "é") stays as it is; ftfy would repair it.
 */
export const cleanText = (text: string): string =>
  unescapeHtml(unescapeHtml(fixText(text)))
    .replace(SPACES, " ")
    .trim()
    .toLowerCase();

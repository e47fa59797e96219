import entities from "./html-entities.json" with { type: "json" };

/** Named characters of HTML; some of the names also count without the semicolon. */
const NAMED = new Map(Object.entries(entities));

// Written out: Node 20's TextDecoder takes windows-1252 for latin1.
const WINDOWS_1252 =
  "\u20ac\u0081\u201a\u0192\u201e\u2026\u2020\u2021\u02c6\u2030\u0160\u2039\u0152\u008d\u017d\u008f" +
  "\u0090\u2018\u2019\u201c\u201d\u2022\u2013\u2014\u02dc\u2122\u0161\u203a\u0153\u009d\u017e\u0178";

/** A byte of 0x80 … 0x9f as Windows reads it. */
export const fromWindows = (code: number): string => WINDOWS_1252[code - 0x80]!;

const isNoCharacter = (code: number): boolean =>
  (code >= 0xfdd0 && code <= 0xfdef) || (code & 0xfffe) === 0xfffe || code === 0x0b || code === 0x7f;
const isControl = (code: number): boolean => (code >= 1 && code <= 8) || (code >= 0x0e && code <= 0x1f);

function fromNumber(code: number): string {
  if (code === 0 || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) return "\ufffd";
  if (code >= 0x80 && code <= 0x9f) return fromWindows(code);
  return isControl(code) || isNoCharacter(code) ? "" : String.fromCodePoint(code);
}

const numberOf = (digits: string): number =>
  /^x/i.test(digits) ? Number.parseInt(digits.slice(1), 16) : Number.parseInt(digits, 10);

/**
 * Replaces character references as browsers do ("&eacute;", "&copy2024", "&#x27;"); what is none stays.
 * https://html.spec.whatwg.org/multipage/parsing.html#character-reference-state
 */
export function unescapeHtml(text: string): string {
  return text.replace(
    /&(?:#(x[0-9a-f]+|[0-9]+);?|([^\t\n\f <&#;]{1,32};?))/gi,
    (whole, digits: string | undefined, name: string | undefined) => {
      if (digits !== undefined) return fromNumber(numberOf(digits));
      for (let length = name!.length; length > 1; length--) {
        const found = NAMED.get(name!.slice(0, length));
        if (found !== undefined) return found + name!.slice(length);
      }
      return whole;
    },
  );
}

/** Only what cannot be meant otherwise: with a semicolon; names of small letters also in capitals ("&EACUTE;"). */
export function unescapeCertain(text: string): string {
  return text.replace(/&#?[0-9A-Za-z]{1,24};/g, (whole) => {
    if (whole[1] === "#") {
      const plain = unescapeHtml(whole);
      return plain.includes(";") ? whole : plain;
    }
    const name = whole.slice(1);
    const found = NAMED.get(name);
    if (found !== undefined) return found;
    const small = name.toLowerCase();
    // A name in capitals that browsers take for another one, such as "&LTRI;" for "&LT" and "RI;", stays.
    if (name !== name.toUpperCase() || unescapeHtml(whole) !== whole) return whole;
    return NAMED.get(small)?.toUpperCase() ?? whole;
  });
}

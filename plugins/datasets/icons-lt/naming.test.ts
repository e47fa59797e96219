import fc from "fast-check";
import { expect, test } from "vitest";
import { readName } from "./naming.ts";
import { aliasesOf, classNames, knownConcept, type SetEntry, sets } from "./vocabulary.ts";

const plain = {} as const;
const set = (prefix: string): SetEntry => sets.find((entry) => entry.prefix === prefix)!;
const conceptOf = (prefix: string, icon: string) => readName(set(prefix), icon).concept;

const style = fc.constantFrom(
  "outline",
  "outlined",
  "fill",
  "filled",
  "solid",
  "duotone",
  "alt",
  "2",
  "24",
  "simple",
);
const anyClass = fc.constantFrom(...classNames);

test("a class name keeps its concept whatever style follows", () => {
  fc.assert(
    fc.property(anyClass, style, (name, word) => {
      const { concept, variant } = readName(plain, `${name.replaceAll(" ", "-")}-${word}`);
      expect(concept).toBe(name);
      // "camera-alt" is listed as a name of its own; what is listed is not taken apart.
      expect(variant).toBe(knownConcept(`${name} ${word}`) === undefined ? word : "");
    }),
    { numRuns: 1000 },
  );
});

test("every alias reads as its concept", () => {
  for (const name of classNames) {
    for (const alias of aliasesOf(name)) {
      expect(readName(plain, alias.replaceAll(" ", "-")).concept).toBe(name);
    }
  }
});

test("a compound is never folded into one of its words", () => {
  const word = fc.constantFrom("plus", "slash", "lock", "search", "add", "off", "minus", "check");
  fc.assert(
    fc.property(anyClass, word, (name, extra) => {
      const compound = `${name} ${extra}`;
      fc.pre(knownConcept(compound) === undefined);
      expect(readName(plain, compound.replaceAll(" ", "-")).concept).toBe(compound);
    }),
  );
});

test("one word always stays, and what comes off is reported in order", () => {
  fc.assert(
    fc.property(fc.array(style, { minLength: 1, maxLength: 4 }), (words) => {
      const { concept, variant } = readName(plain, words.join("-"));
      expect(concept).not.toBe("");
      expect([...concept.split(" "), ...variant.split(" ").filter(Boolean)].join("-")).toBe(words.join("-"));
    }),
  );
});

test.each([
  ["ph", "house-simple-duotone", "home"],
  ["ph", "arrow-left-thin", "arrow left"],
  ["ph", "trash", "trash"],
  ["ic", "twotone-delete", "trash"],
  ["ic", "sharp-settings", "settings"],
  ["material-symbols", "home-outline-rounded", "home"],
  ["fluent", "search-24-regular", "search"],
  ["fluent", "document-100-24-regular", "document 100 24"],
  ["solar", "text-bold-bold-duotone", "bold"],
  ["solar", "text-bold", "text"],
  ["solar", "heart-broken-linear", "broken heart"],
  ["solar", "heart-broken", "heart"],
  ["ri", "chat-1-line", "comment"],
  ["fa-solid", "chart-line", "line chart"],
  ["tdesign", "traffic-light", "traffic light"],
  ["ic", "baseline-crop-16-9", "crop 16 9"],
  ["mdi", "gear", "settings"],
  ["lucide", "user-plus", "user plus"],
  ["jam", "flag-f", "flag"],
  ["tabler", "mp3", "mp3"],
  ["gis", "home2", "home"],
])("%s:%s shows %s", (prefix, icon, concept) => {
  expect(conceptOf(prefix, icon)).toBe(concept);
});

test("no phrase belongs to two concepts, and classes are concepts of their own", () => {
  const seen = new Map<string, string>();
  for (const name of classNames) {
    for (const phrase of [name, ...aliasesOf(name)]) {
      expect(seen.get(phrase) ?? name, phrase).toBe(name);
      seen.set(phrase, name);
    }
    expect(knownConcept(name) ?? name).toBe(name);
  }
});

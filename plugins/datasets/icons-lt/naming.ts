import { knownConcept, type SetEntry } from "./vocabulary.ts";

/** What an icon's name says. */
export interface IconName {
  /** Words with spaces, e.g. "shopping cart". */
  readonly concept: string;
  /** The style words that were taken off, e.g. "bold duotone"; empty for a plain icon. */
  readonly variant: string;
}

/** Words that name a style in every set. */
const STYLES = new Set(
  "outline outlined outiline fill filled solid duotone twotone alt alternate linear broken round rounded simple".split(
    " ",
  ),
);

/** A running number or a size: 2, 24, 24px. */
const NUMBER = /^\d+(px)?$/;

/**
 * Reads concept and style from an icon's name. Style words and numbers come off the ends, one word always stays; what
 * is left is looked up in synonyms.json. A compound is never cut down to its head: `arrow-left` stays "arrow left"
 * and `user-plus` is no user.
 */
export function readName(set: Pick<SetEntry, "suffixes" | "prefixes" | "styled">, icon: string): IconName {
  const words = icon.split("-").filter(Boolean);
  const variant: string[] = [];
  if (words.length > 1 && set.prefixes?.includes(words[0]!)) variant.push(words.shift()!);
  const isStyle = (word: string) => STYLES.has(word) || NUMBER.test(word) || set.suffixes?.includes(word);
  let mayBeKnown = !set.styled;
  for (;;) {
    const phrase = words.join(" ");
    const known = mayBeKnown ? knownConcept(phrase) : undefined;
    if (known) return { concept: known, variant: variant.join(" ") };
    mayBeKnown = true;
    // Two numbers in a row mean something: `crop-16-9`, and `document-100-24` is a document of more than 99 pages.
    const isRatio = NUMBER.test(words.at(-1)!) && NUMBER.test(words.at(-2) ?? "");
    if (words.length < 2 || isRatio || !isStyle(words.at(-1)!)) break;
    variant.unshift(words.pop()!);
  }
  // "home2", but not "mp3"
  const last = words.at(-1)!.replace(/^([a-z]{3,})\d+$/, "$1");
  const phrase = [...words.slice(0, -1), last].join(" ");
  return { concept: knownConcept(phrase) ?? phrase, variant: variant.join(" ") };
}

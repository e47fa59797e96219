import { readFileSync } from "node:fs";

/** Which part of the testbed a set's icons belong to; designers are never shared between roles. */
export type Role = "pretrain" | "train" | "test";

/** One Iconify set. */
export interface SetEntry {
  readonly prefix: string;
  /** npm package and the version the testbed is built from. */
  readonly package: string;
  readonly version: string;
  readonly name: string;
  readonly author: string;
  readonly url: string;
  /** SPDX identifier. */
  readonly license: string;
  /** Designer, or designers who draw the same icons; a group is never split over roles. */
  readonly group: string;
  readonly role: Role;
  /** Style words of this set that may stand at the end or the start of a name, beyond the general ones. */
  readonly suffixes?: readonly string[];
  readonly prefixes?: readonly string[];
  /** Every name ends in a style, so `text-bold` is the icon "text" in bold, never the icon "bold". */
  readonly styled?: boolean;
  /** Icons whose name misleads (`delete` drawn as a backspace key): names, or beginnings of names before a `*`. */
  readonly exclude?: readonly string[];
}

const read = (file: string): unknown => JSON.parse(readFileSync(new URL(file, import.meta.url), "utf8"));

export const sets = (read("./sets.json") as { sets: readonly SetEntry[] }).sets;

/** The downstream classes, as they go into prompts. */
export const classNames = read("./classes.json") as readonly string[];

const aliases = read("./synonyms.json") as Readonly<Record<string, readonly string[]>>;

const concepts = new Map<string, string>(
  Object.entries(aliases).flatMap(([concept, others]) =>
    [concept, ...others].map((name) => [name, concept] as const),
  ),
);

/** The concept of a phrase listed in synonyms.json, itself included. */
export const knownConcept = (phrase: string): string | undefined => concepts.get(phrase);

/** Other names of a concept. */
export const aliasesOf = (concept: string): readonly string[] => aliases[concept] ?? [];

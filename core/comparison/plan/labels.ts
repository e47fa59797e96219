import { canonicalJson } from "./canonical-json.ts";

interface Labelled {
  readonly use: string;
  readonly label?: string;
  readonly options: Readonly<Record<string, unknown>>;
}

const showOption = (value: unknown) =>
  typeof value === "string" ? value : value === undefined ? "–" : canonicalJson(value);

/**
 * A label per entry: the user's, else the plugin's name, followed by the options that tell entries of the same plugin
 * apart where there are several: "backdoor(space=logit)". Entries of different content get different labels, unless
 * users gave the same one twice.
 */
export function labelsOf(entries: readonly Labelled[]): string[] {
  return entries.map(({ use, label, options }) => {
    if (label !== undefined) return label;
    const others = entries.filter((entry) => entry.use === use);
    const names = [...new Set(others.flatMap((entry) => Object.keys(entry.options)))].sort();
    const telling = names.filter(
      (name) => new Set(others.map((entry) => canonicalJson(entry.options[name]))).size > 1,
    );
    if (telling.length === 0) return use;
    return `${use}(${telling.map((name) => `${name}=${showOption(options[name])}`).join(", ")})`;
  });
}

/** A label as part of a file name. */
export function slug(text: string): string {
  return text
    .normalize("NFKD")
    .replaceAll(/[^A-Za-z0-9]+/g, "-")
    .replaceAll(/^-+|-+$/g, "")
    .toLowerCase()
    .slice(0, 60);
}

import { canonicalJson } from "./canonical-json.ts";

interface Labelled {
  readonly use: string;
  readonly label?: string;
  readonly options: Readonly<Record<string, unknown>>;
}

/** A plugin chosen inside options, with its own options beside its name. */
const isChoice = (value: unknown): value is { readonly use: string; readonly [option: string]: unknown } =>
  typeof value === "object" && value !== null && "use" in value && typeof value.use === "string";

const asLabelled = ({ use, ...options }: { readonly use: string }): Labelled => ({ use, options });

/** An option's value; a plugin chosen there as a label of its own, told apart from those of the other entries. */
function showOption(value: unknown, others: readonly unknown[]): string {
  if (typeof value === "string") return value;
  if (value === undefined) return "–";
  if (!isChoice(value)) return canonicalJson(value);
  return labelsOf([value, ...others.filter(isChoice)].map(asLabelled))[0]!;
}

/**
 * A label per entry: the user's, else the plugin's name, followed by the options that tell entries of the same plugin
 * apart where there are several: "backdoor(space=logit)", "backdoor-strata(strata=k-means(clusters=8))". Entries of different content get different labels, unless
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
    const shown = telling.map((name) => {
      const values = others.map((entry) => entry.options[name]);
      return `${name}=${showOption(options[name], values)}`;
    });
    return `${use}(${shown.join(", ")})`;
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

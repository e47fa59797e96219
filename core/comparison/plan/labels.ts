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

/** The values that entries have for one option; a plugin chosen there as a label of its own, told apart from the others. */
function showValues(values: readonly unknown[]): string[] {
  const labels = labelsOf(values.filter(isChoice).map(asLabelled)).values();
  return values.map((value) => {
    if (typeof value === "string") return value;
    if (value === undefined) return "–";
    return isChoice(value) ? labels.next().value! : canonicalJson(value);
  });
}

/**
 * A label per entry: the user's, else the plugin's name, followed by the options that tell entries of the same plugin
 * apart where there are several: "backdoor(space=logit)", "backdoor-strata(strata=k-means(clusters=8))". Entries of different content get different labels, unless
 * users gave the same one twice.
 */
export function labelsOf(entries: readonly Labelled[]): string[] {
  const byUse = new Map<string, Labelled[]>();
  for (const entry of entries) {
    const same = byUse.get(entry.use);
    if (same) same.push(entry);
    else byUse.set(entry.use, [entry]);
  }
  const labels = new Map([...byUse].map(([use, same]) => [use, labelsOfOne(use, same).values()]));
  return entries.map(({ use, label }) => {
    const own = labels.get(use)!.next().value!;
    return label ?? own;
  });
}

/** The labels of all entries of one plugin, as if users had given none. */
function labelsOfOne(use: string, entries: readonly Labelled[]): string[] {
  const names = [...new Set(entries.flatMap(({ options }) => Object.keys(options)))].sort();
  const telling = names.flatMap((name) => {
    const values = entries.map(({ options }) => options[name]);
    if (new Set(values.map(canonicalJson)).size < 2) return [];
    return [showValues(values).map((shown) => `${name}=${shown}`)];
  });
  if (telling.length === 0) return entries.map(() => use);
  return entries.map((_, index) => `${use}(${telling.map((shown) => shown[index]).join(", ")})`);
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

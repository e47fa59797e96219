import type { Run } from "../../mlflow-js-client/index.ts";
import { ReportError } from "../errors.ts";
import {
  differencesOf,
  keyOf,
  methodOf,
  type Params,
  settingOf,
  type Varied,
  variedOf,
} from "../read/identity.ts";

/** The params named, and those below them: what a plugin's options are follows from the choice of the plugin. */
export const variedBy =
  (names: readonly string[]): Varied =>
  (key) =>
    names.some((name) => key === name || key.startsWith(`${name}.`));

/** How values of varied params are called: the params' own values, with further ones only where those do not tell them apart. */
export function valueLabels(names: readonly string[], values: readonly Params[]): Map<string, string> {
  const show = (keys: readonly string[], value: Params) =>
    keys.length === 1 && names.length === 1
      ? (value[keys[0]!] ?? "–")
      : keys.map((key) => `${key} = ${value[key] ?? "–"}`).join(", ");
  const all = [...new Set(values.flatMap((value) => Object.keys(value)))].sort();
  const differing = all.filter((key) => new Set(values.map((value) => value[key])).size > 1);
  // Of a name that is no param itself ("head") those below it that differ.
  const named = names.flatMap((name) =>
    all.includes(name) ? [name] : differing.filter((key) => variedBy([name])(key)),
  );
  return new Map(
    values.map((value) => {
      const short = named.length > 0 ? show(named, value) : "";
      const alike = values.filter((other) => named.length === 0 || show(named, other) === short);
      const telling = differing.filter(
        (key) => !named.includes(key) && alike.some((other) => other[key] !== value[key]),
      );
      const more = telling.map((key) => `${key} = ${value[key] ?? "–"}`).join(", ");
      return [keyOf(value), short === "" ? more : more === "" ? short : `${short} (${more})`];
    }),
  );
}

/**
 * The label of the value that a user names: by its label, or by what one of the named params is.
 * @throws ReportError when it is none or several
 */
export function labelNamed(
  text: string,
  names: readonly string[],
  values: readonly Params[],
  labels: ReadonlyMap<string, string>,
): string {
  const labelOf = (value: Params) => labels.get(keyOf(value))!;
  const exact = values.filter((value) => labelOf(value) === text);
  const found =
    exact.length > 0 ? exact : values.filter((value) => names.some((name) => value[name] === text));
  if (found.length === 1) return labelOf(found[0]!);
  throw new ReportError(
    `${found.length === 0 ? "no" : "more than one"} value to compare against is "${text}"`,
    { hint: `there are: ${values.map(labelOf).join("; ")}` },
  );
}

/**
 * The newest setting, apart from the varied params, in which some method has been run with at least two of their values.
 * @param runs newest first
 * @throws ReportError where there is none, saying which other params keep the values apart
 */
export function comparableSetting(runs: readonly Run[], names: readonly string[]): Run {
  const varied = variedBy(names);
  const known = [...new Set(runs.flatMap(({ params }) => Object.keys(params)))];
  const unknown = names.find((name) => !known.some((key) => variedBy([name])(key)));
  if (unknown !== undefined) {
    const differing = known.filter((key) => new Set(runs.map(({ params }) => params[key])).size > 1);
    throw new ReportError(`no finished run has logged a param "${unknown}"`, {
      hint: `runs differ in: ${differing.sort().join(", ") || "no param"}`,
    });
  }
  if (names.includes("seed")) {
    throw new ReportError("seeds cannot be compared: they are what is averaged over", {
      hint: "leave seed out of --by",
    });
  }
  const settings = grouped(runs, (run) => keyOf(settingOf(run, varied)));
  const valuesOf = (own: readonly Run[]) => grouped(own, (run) => keyOf(variedOf(run, varied)));
  const comparable = (own: readonly Run[]) =>
    [...grouped(own, (run) => keyOf(methodOf(run, varied))).values()].some(
      (alike) => valuesOf(alike).size > 1,
    );
  const fitting = [...settings.values()].find(comparable);
  if (fitting) return fitting[0]!;
  const what = names.join(", ");
  const values = [...valuesOf(runs).values()].map(([newest]) => newest!);
  if (values.length < 2) {
    const only = Object.entries(variedOf(runs[0]!, varied)).map(([key, value]) => `${key} = ${value}`);
    throw new ReportError(`all finished runs have the same ${what}: ${only.join(", ")}`, {
      hint: "run `dualtail compare` with another value into the same experiment",
    });
  }
  const [first, ...others] = values;
  const between = others.flatMap((run) => differencesOf(settingOf(run, varied), settingOf(first!, varied)));
  throw new ReportError(
    `no method has been run with two values of ${what} and all other settings in common`,
    {
      hint:
        between.length === 0
          ? "run the same losses and backbones with both"
          : `they also differ in ${[...new Set(between)].join(", ")}: what follows from the choice can be taken along with a further --by`,
    },
  );
}

function grouped(runs: readonly Run[], key: (run: Run) => string): Map<string, Run[]> {
  const groups = new Map<string, Run[]>();
  for (const run of runs) groups.set(key(run), [...(groups.get(key(run)) ?? []), run]);
  return groups;
}

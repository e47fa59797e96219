import type { Run } from "../../mlflow-js-client/index.ts";
import { analyse } from "../analysis.ts";
import { type Block, heading, paragraph } from "../document/blocks.ts";
import {
  differencesOf,
  foreignTo,
  keyOf,
  methodOf,
  settingOf,
  type Varied,
  variedOf,
} from "../read/identity.ts";
import { type Gathered, gatherRows, type RunReader } from "../read/rows.ts";
import { settingsBlocks } from "./blocks.ts";
import { compareSettings } from "./compare.ts";

/**
 * "Beside it: other settings": what the experiment holds in settings that differ from the report's, compared for the
 * methods that both have. Nothing where it holds no other setting.
 *
 * @param runs newest first @param main what the report is about
 */
export async function besideBlocks(
  read: RunReader,
  runs: readonly Run[],
  main: Gathered,
  options: { readonly resamples: number; readonly seed: number },
): Promise<Block[]> {
  const own = runs.filter((run) => keyOf(settingOf(run)) === keyOf(main.setting));
  const differing = (run: Run) => differingKeys(settingOf(run), main.setting);
  const others = runs.filter((run) => !own.includes(run) && foreignTo(run, main.setting).length > 0);
  if (others.length === 0) return [];
  const keys = new Set(others.flatMap(differing));
  const varied: Varied = (key) => keys.has(key);
  const named = (run: Run) => differencesOf(settingOf(run), main.setting).join(", ");
  const labels = new Map([
    [keyOf(variedOf(own[0]!, varied)), AS_ABOVE],
    ...others.map((run) => [keyOf(variedOf(run, varied)), named(run)] as const),
  ]);
  const count = new Map<string, number>();
  for (const run of others) count.set(named(run), (count.get(named(run)) ?? 0) + 1);
  const lead: Block[] = [
    heading(2, "Beside it: other settings"),
    paragraph("The experiment also holds finished runs whose setting differs from that of the rows above:"),
    {
      kind: "list",
      items: [...count].map(([how, n]) => `${how}: ${n} ${n === 1 ? "run" : "runs"}`),
    },
  ];
  const methods = (part: readonly Run[]) => new Set(part.map((run) => keyOf(methodOf(run))));
  const [ofOwn, ofOthers] = [methods(own), methods(others)];
  const shared = [...own, ...others].filter((run) => {
    const method = keyOf(methodOf(run));
    return ofOwn.has(method) && ofOthers.has(method);
  });
  const none = paragraph("No loss on the same backbones has been run in both.");
  const rowsOfMain = main.rows.flatMap((row) => row.runs.map(({ run }) => run));
  if (!shared.some((run) => rowsOfMain.includes(run))) return [...lead, none];
  const gathered = await gatherRows(read, shared, { varied, testedAs: rowsOfMain[0]! });
  const settings = compareSettings({
    analysis: analyse(gathered, options),
    varied,
    labels,
    against: AS_ABOVE,
  });
  if (settings.methods.length === 0) return [...lead, none];
  const left = [...gathered.omitted, ...settings.omitted];
  return [
    ...lead,
    ...settingsBlocks(settings, "setting"),
    ...(left.length > 0
      ? [paragraph("Left out of this table:"), { kind: "list" as const, items: left }]
      : []),
  ];
}

const AS_ABOVE = "as above";

const differingKeys = (a: Readonly<Record<string, string>>, b: Readonly<Record<string, string>>) =>
  [...new Set([...Object.keys(a), ...Object.keys(b)])].filter((key) => a[key] !== b[key]);

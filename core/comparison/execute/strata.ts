import { readStrataFile, STRATA_FILE, writeStrataFile } from "../../exchange/index.ts";
import type { ChosenStrata } from "../../models/heads/strata.ts";
import type { StratumSource } from "../../plugin-api/index.ts";
import type { TrackedRun } from "../../tracking/tracker.ts";
import type { Cell } from "../plan/index.ts";
import type { PreparedBackbone } from "./backbone.ts";
import { type ExecutionContext, throwIfAborted } from "./context.ts";

/**
 * The strata of a cell whose loss has some, estimated once and kept in the cell's folder: training that is resumed goes
 * on with the same ones. They are logged with the run.
 */
export async function strataOf(
  { registry, signal, reporter }: ExecutionContext,
  { recipe, seed, label }: Cell,
  backbone: PreparedBackbone,
  { run, folder }: { readonly run: TrackedRun; readonly folder: string },
): Promise<ChosenStrata | undefined> {
  if (recipe.mode !== "single" || recipe.strata === undefined) return undefined;
  const { use, options, predict } = recipe.strata;
  const source = registry.get("strata", use) as StratumSource;
  const { zeroShotHead: zeroShot } = backbone;
  const saved = await readStrataFile(folder);
  if (saved) return { source, options, found: saved.found, predict, zeroShot };
  throwIfAborted(signal);
  reporter.line(`${label}: estimating the strata (${use})`);
  const found = await source.estimate(backbone.strataTraining(seed), options);
  const described = {
    use,
    options,
    backbone: backbone.label,
    seed,
    masses: [...found.masses],
    tensors: Object.fromEntries(Object.entries(found.tensors).map(([name, { shape }]) => [name, shape])),
  };
  await run.logArtifact("strata/strata.json", `${JSON.stringify(described, null, 2)}\n`);
  const file = await writeStrataFile(folder, { found, texts: zeroShot.texts });
  await run.logArtifactFile(`strata/${STRATA_FILE}`, file);
  return { source, options, found, predict, zeroShot };
}

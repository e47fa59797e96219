import { type ModelFile, type ModelFileMember, writeModelFile } from "../../exchange/index.ts";
import type { Member } from "../../training/finetune.ts";
import { type Cell, strataCount } from "../plan/index.ts";
import type { PreparedBackbone } from "./backbone.ts";
import type { ExecutionContext } from "./context.ts";
import { lossPlugins } from "./fingerprint.ts";
import { strataMasses } from "./predictions.ts";

type Described = Pick<ExecutionContext, "config" | "dataset" | "baseDir" | "registry">;

/** Writes into a cell's folder what it takes, beside the trained parameters, to build its classifier again. */
export function saveModel(
  context: Described,
  cell: Cell,
  parts: { readonly backbones: readonly PreparedBackbone[]; readonly members: readonly Member[] },
  folder: string,
): Promise<void> {
  const members = parts.members.map((member, m): ModelFileMember => {
    const { headType = "cosine", headScale, peft = [], prefix } = member;
    return {
      label: cell.backbones[m]!.label,
      location: locationOf(context, cell, parts.backbones[m]!, m),
      prefix,
      head: { type: headType, scale: headScale },
      peft: peft.map(({ plugin, options }) => ({ use: plugin.name, options })),
    };
  });
  return writeModelFile(folder, { ...common(context, cell), members, combines: [] });
}

/**
 * The same for a cell that combines trained ones, whose keys are given in the order of its strata. What it may need
 * beside them (zero-shot logits, priors) is not written: core/exchange refuses to open it.
 */
export function saveCombination(
  context: Described,
  cell: Cell,
  keys: readonly string[],
  folder: string,
): Promise<void> {
  const combines = keys.map((key) => `../${key}`);
  return writeModelFile(folder, { ...common(context, cell), members: [], combines });
}

const common = (
  { config, dataset, baseDir, registry }: Described,
  cell: Cell,
): Omit<ModelFile, "members" | "combines"> => ({
  label: cell.label,
  loss: { use: cell.loss.name, options: cell.loss.options },
  classNames: dataset.classNames,
  strataPrior: strataMasses(cell.recipe, strataCount(cell)),
  plugins: { ...pluginsOf(config, registry, cell), baseDir },
});

/** What the config names, and what only an application knows: plugins that it gave as files, and as objects. */
function pluginsOf(
  { plugins, peft }: Described["config"],
  registry: Described["registry"],
  cell: Cell,
): Omit<ModelFile["plugins"], "baseDir"> {
  const names = { peft: peft.map(({ use }) => use), loss: lossPlugins(cell), strata: lossPlugins(cell) };
  const own = (["peft", "loss", "strata"] as const)
    .flatMap((kind) => registry.list(kind).filter(({ plugin }) => names[kind].includes(plugin.name)))
    .filter(({ code, from }) => code !== undefined && !plugins.includes(from));
  const files = new Set(own.flatMap(({ code }) => code?.file ?? []));
  const objects = own.filter(({ code }) => code?.file === undefined);
  return {
    specifiers: [...plugins, ...files],
    ...(objects.length && { objects: objects.map(({ plugin: { kind, name } }) => `${kind} ${name}`) }),
  };
}

/** A branch of a repository moves on, so the commit that was used is what is kept. */
function locationOf(
  { registry, baseDir }: Described,
  { backbones }: Cell,
  { checkpoint }: PreparedBackbone,
  m: number,
): ModelFileMember["location"] {
  const { name, options } = backbones[m]!;
  const location = registry.get("backbone", name).locate(options as never, { baseDir });
  const [, commit] = /[\\/]snapshots[\\/]([0-9a-f]{40})$/.exec(checkpoint.folder) ?? [];
  return location.kind === "hub" && commit ? { ...location, revision: commit } : location;
}

import type { PluginRegistry } from "../../container/index.ts";
import { ConfigError } from "../../errors.ts";
import type { ComparisonConfig } from "../config/types.ts";
import { contentHash } from "./canonical-json.ts";
import { labelsOf, slug } from "./labels.ts";
import { type LossEntry, orderLosses } from "./losses.ts";
import { runsOf, seedOfRun } from "./post-hoc.ts";
import { sharedWork } from "./shared-work.ts";
import type { Cell, CellBackbone, Plan } from "./types.ts";

/**
 * What a comparison comes to: a cell per loss, seed and, for losses over one model, backbone. Pure: the same config
 * and plugins give the same plan.
 * @throws ConfigError where losses, their bases and the backbones do not fit together.
 */
export function planComparison(config: ComparisonConfig, registry: PluginRegistry): Plan {
  const backbones = labelledBackbones(config);
  const losses = orderLosses(config, registry);
  const common = determinants(config);
  // By id: several ensembles over seeds can share their extra runs.
  const planned = new Map<string, Cell>();
  const make = (entry: LossEntry, draft: Draft): Cell => {
    const cell = makeCell(entry, draft, common);
    const known = planned.get(cell.id);
    if (known) return known;
    planned.set(cell.id, cell);
    return cell;
  };
  for (const seed of config.seeds) {
    const trained = new Map<LossEntry, readonly Cell[]>();
    for (const entry of losses) {
      const drafts = draftsOf(entry, {
        config,
        backbones,
        seed,
        base: entry.base ? trained.get(entry.base)! : [],
        extraRun: (backbone, own) =>
          make(entry.base!, { backbones: [backbone], seed: own, dependencies: [], extraSeed: true }),
      });
      trained.set(
        entry,
        drafts.map((draft) => make(entry, draft)),
      );
    }
  }
  const cells = [...planned.values()];
  return { cells, shared: sharedWork(config, cells) };
}

/** What tells the cells of one loss and seed apart. */
interface Draft {
  readonly backbones: readonly CellBackbone[];
  readonly seed: number;
  readonly dependencies: readonly Cell[];
  readonly extraSeed?: boolean;
}

function draftsOf(
  { recipe }: LossEntry,
  work: {
    readonly config: ComparisonConfig;
    readonly backbones: readonly CellBackbone[];
    readonly seed: number;
    /** The base's cells of this seed, in the order of the backbones; none without a base. */
    readonly base: readonly Cell[];
    readonly extraRun: (backbone: CellBackbone, seed: number) => Cell;
  },
): Draft[] {
  const { config, backbones, seed, base, extraRun } = work;
  const perBackbone = (dependencies: (backbone: CellBackbone, index: number) => readonly Cell[]) =>
    backbones.map((backbone, index) => ({
      backbones: [backbone],
      seed,
      dependencies: dependencies(backbone, index),
    }));
  if (recipe.mode === "single") return perBackbone(() => []);
  if (recipe.mode === "joint") return [{ backbones, seed, dependencies: [] }];
  switch (recipe.over ?? "backbones") {
    case "backbones":
      return [{ backbones, seed, dependencies: base }];
    case "one":
      return perBackbone((_, index) => base.slice(index, index + 1));
    case "seeds": {
      const others = Array.from({ length: runsOf(recipe, config) - 1 }, (_, i) => seedOfRun(seed, i + 1));
      return perBackbone((backbone, index) => [
        base[index]!,
        ...others.map((own) => extraRun(backbone, own)),
      ]);
    }
  }
}

/** Everything but loss, backbones and seed that determines a cell's result. Not: device, threads, recomputation, folders, names. */
function determinants(config: ComparisonConfig): Readonly<Record<string, unknown>> {
  const { dataset, peft, head, prompts, train, evaluation } = config;
  const { batchSize: _batchSize, tte, expand, preprocessing, ...shared } = evaluation;
  // As they were before there was a choice, so that such cells keep their ids.
  const measured = preprocessing === "checkpoint" ? shared : { ...shared, preprocessing };
  const { recompute: _recompute, ...trained } = train;
  return {
    dataset: content(dataset),
    // As they were before there were lists and test-time ensembles, so that such cells keep their ids.
    peft: peft.length > 1 ? peft.map(content) : peft[0] ? content(peft[0]) : null,
    head,
    prompts,
    train: trained,
    evaluation: tte === "none" ? measured : { ...measured, tte, expand },
  };
}

const content = ({ use, options }: { readonly use: string; readonly options: unknown }) => ({ use, options });

function labelledBackbones({ backbones }: ComparisonConfig): CellBackbone[] {
  const labels = labelsOf(backbones);
  const repeated = labels.findIndex((label, index) => labels.indexOf(label) !== index);
  if (repeated >= 0) {
    throw new ConfigError(`/backbones/${repeated}`, `two backbones are called "${labels[repeated]}"`, {
      hint: "give them different labels",
    });
  }
  return backbones.map(({ use, options }, index) => ({ name: use, label: labels[index]!, options }));
}

function makeCell(
  { choice, label, recipe, implied }: LossEntry,
  { backbones, seed, dependencies, extraSeed = false }: Draft,
  common: Readonly<Record<string, unknown>>,
): Cell {
  const determining = {
    ...common,
    loss: content(choice),
    backbones: backbones.map(({ name, options }) => ({ use: name, options })),
  };
  const of = (cells: readonly Cell[], field: "id" | "group") => cells.map((cell) => cell[field]);
  const seedless = recipe.mode === "post-hoc" && recipe.base === undefined;
  const hashedSeed = seedless ? null : seed;
  const id = contentHash({ ...determining, seed: hashedSeed, dependsOn: of(dependencies, "id") });
  const backboneLabel = backbones.map((backbone) => backbone.label).join(" + ");
  const needs: readonly string[] = recipe.mode === "joint" ? [] : (recipe.needs ?? []);
  return {
    id,
    group: contentHash({ ...determining, dependsOn: of(dependencies, "group") }),
    key: [slug(label), slug(backboneLabel), ...(seedless ? [] : [`s${seed}`]), id].join("_"),
    label: [label, backboneLabel, ...(seedless ? [] : [`seed ${seed}`])].join(" · "),
    kind: recipe.mode,
    loss: { name: choice.use, label, options: choice.options },
    recipe,
    backbones,
    seed,
    seedless,
    dependsOn: of(dependencies, "id"),
    needsPretrainPrior: needs.includes("pretrainPrior"),
    implied: implied || extraSeed,
    extraSeed,
  };
}

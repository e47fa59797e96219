import { klDivergence, pretrainGroups, spearman } from "../../evaluation/index.ts";
import type { MlflowClient } from "../../mlflow-js-client/index.ts";
import { trackingError } from "../../tracking/errors.ts";
import { type Block, type Cell, cell, type Figure, heading, paragraph } from "../document/blocks.ts";
import { fixed, UNDEFINED } from "../document/numbers.ts";
import { RunArtifactError } from "../errors.ts";
import { priorScatter } from "../plots/prior-scatter.ts";
import { type PriorTable, readPrior } from "../read/artifacts.ts";
import type { Gathered } from "../read/rows.ts";

export interface BackbonePrior extends PriorTable {
  readonly backbone: string;
}

/** The priors that zero-shot runs have logged; a run without one is told in `omitted`. */
export async function gatherPriors(
  client: MlflowClient,
  { rows, classNames }: Gathered,
): Promise<{ priors: BackbonePrior[]; omitted: string[] }> {
  const priors: BackbonePrior[] = [];
  const omitted: string[] = [];
  for (const { backbones, runs } of rows.filter(({ kind }) => kind === "zero-shot")) {
    try {
      priors.push({ backbone: backbones[0]!, ...(await readPrior(client, runs[0]!.run.info, classNames)) });
    } catch (error) {
      if (!(error instanceof RunArtifactError)) throw trackingError(error);
      omitted.push(error.message);
    }
  }
  return { priors, omitted };
}

/** The estimated prior against the recorded counts, and how far backbones agree on what is rare. */
export async function priorBlocks(priors: readonly BackbonePrior[], draw = true): Promise<Block[]> {
  if (priors.length === 0) return [heading(2, "Pre-training priors"), paragraph("No run has logged one.")];
  const figures: Figure[] = [];
  for (const [i, { backbone, estimated, recorded }] of priors.entries()) {
    if (!recorded || !draw) continue;
    const svg = await priorScatter(backbone, recorded, estimated);
    figures.push({
      name: `prior-${i}`,
      caption: `${backbone}: estimate against record, a point per class`,
      svg,
    });
  }
  const rows = priors.map(({ backbone, estimated, recorded }): Cell[] => [
    cell(backbone),
    cell(fixed(recorded && spearman(estimated, recorded))),
    cell(fixed(recorded && klDivergence(recorded, estimated))),
    cell(recorded ? shared(recorded, estimated) : UNDEFINED),
  ]);
  return [
    heading(2, "Pre-training priors"),
    {
      kind: "table",
      leftColumns: 1,
      header: ["backbone", "rank correlation", "KL(recorded ‖ estimated), nats", "P-Few in common"],
      rows,
    },
    paragraph(
      `The estimated prior against the counts that checkpoints record (${UNDEFINED}: not recorded). Rank correlation: Spearman, over classes.`,
    ),
    ...(figures.length > 0 ? [{ kind: "figures" as const, figures }] : []),
    heading(3, "Agreement of the backbones on which classes are P-Few"),
    ...agreement(priors),
  ];
}

const few = (prior: readonly number[]): Set<number> =>
  new Set(pretrainGroups(prior).flatMap((group, k) => (group === "few" ? [k] : [])));

const commonTo = (sets: readonly ReadonlySet<number>[]): number[] =>
  [...(sets[0] ?? [])].filter((k) => sets.every((own) => own.has(k)));

const shared = (a: readonly number[], b: readonly number[]): string =>
  `${commonTo([few(a), few(b)]).length} of ${few(a).size}`;

/** How far priors agree on which classes are rare. */
export interface Overlap {
  /** P-Few classes of each. */
  readonly few: number;
  /** P-Few classes of all. */
  readonly common: number;
  /** Those in common over those in any. */
  readonly jaccard: number;
  /** Spearman's ρ of two priors; undefined for more, or a constant one. */
  readonly rank?: number;
}

export interface Agreement {
  readonly backbones: readonly string[];
  readonly estimated: Overlap;
  /** Where all of them record their counts. */
  readonly recorded?: Overlap;
}

function overlapOf(priors: readonly (readonly number[])[]): Overlap {
  const sets = priors.map(few);
  const common = commonTo(sets).length;
  const rank = priors.length === 2 ? spearman(priors[0]!, priors[1]!) : undefined;
  return {
    few: sets[0]!.size,
    common,
    jaccard: common / new Set(sets.flatMap((own) => [...own])).size,
    ...(rank === undefined ? {} : { rank }),
  };
}

/** Of every two backbones and, where there are more, of all. */
export function agreementsOf(priors: readonly BackbonePrior[]): Agreement[] {
  if (priors.length < 2) return [];
  const pairs = priors.flatMap((a, i) => priors.slice(i + 1).map((b) => [a, b]));
  return [...pairs, ...(priors.length > 2 ? [[...priors]] : [])].map((own) => {
    const recorded = own.flatMap((prior) => (prior.recorded ? [prior.recorded] : []));
    return {
      backbones: own.map(({ backbone }) => backbone),
      estimated: overlapOf(own.map(({ estimated }) => estimated)),
      ...(recorded.length === own.length ? { recorded: overlapOf(recorded) } : {}),
    };
  });
}

function agreement(priors: readonly BackbonePrior[]): Block[] {
  if (priors.length < 2) return [paragraph("There is one backbone.")];
  const all = agreementsOf(priors);
  const { few: size } = all[0]!.estimated;
  const chance = size ** 2 / priors[0]!.estimated.length;
  const cells = (own: Overlap | undefined): Cell[] =>
    own
      ? [cell(fixed(own.rank)), cell(`${own.common} of ${own.few}`), cell(fixed(own.jaccard))]
      : [cell(UNDEFINED), cell(UNDEFINED), cell(UNDEFINED)];
  const header = (name: string) => [
    `rank correlation, ${name}`,
    `P-Few in common, ${name}`,
    `Jaccard, ${name}`,
  ];
  return [
    {
      kind: "table",
      leftColumns: 1,
      header: ["backbones", ...header("estimated"), ...header("recorded")],
      rows: all.map(({ backbones, estimated, recorded }) => [
        cell(backbones.join(", ")),
        ...cells(estimated),
        ...cells(recorded),
      ]),
    },
    paragraph(
      `By chance two backbones would have ${chance.toFixed(1)} of ${size} P-Few classes in common. Jaccard: those in common over those that are P-Few of any.`,
    ),
  ];
}

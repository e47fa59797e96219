import { klDivergence, pretrainGroups, spearman } from "../../evaluation/index.ts";
import type { MlflowClient } from "../../mlflow-js-client/index.ts";
import { trackingError } from "../../tracking/errors.ts";
import { type Block, type Cell, cell, type Figure, heading, paragraph } from "../document/blocks.ts";
import { UNDEFINED } from "../document/numbers.ts";
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

const fixed = (value: number | undefined) =>
  value === undefined ? UNDEFINED : Number.isFinite(value) ? value.toFixed(3).replace("-", "−") : "∞";

/** The estimated prior against the recorded counts, and how far backbones agree on what is rare. */
export async function priorBlocks(priors: readonly BackbonePrior[]): Promise<Block[]> {
  if (priors.length === 0) return [heading(2, "Pre-training priors"), paragraph("No run has logged one.")];
  const figures: Figure[] = [];
  for (const [i, { backbone, estimated, recorded }] of priors.entries()) {
    if (!recorded) continue;
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
    cell(recorded ? `${shared(pretrainGroups(recorded), pretrainGroups(estimated))}` : UNDEFINED),
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

const shared = (a: ReturnType<typeof pretrainGroups>, b: ReturnType<typeof pretrainGroups>): string => {
  const few = a.filter((group) => group === "few").length;
  return `${a.filter((group, k) => group === "few" && b[k] === "few").length} of ${few}`;
};

function agreement(priors: readonly BackbonePrior[]): Block[] {
  if (priors.length < 2) return [paragraph("There is one backbone.")];
  const pairs = priors.flatMap((a, i) => priors.slice(i + 1).map((b) => [a, b] as const));
  const few = pretrainGroups(priors[0]!.estimated).filter((group) => group === "few").length;
  const chance = (few * few) / priors[0]!.estimated.length;
  const both = ([a, b]: readonly [BackbonePrior, BackbonePrior]) =>
    a.recorded && b.recorded ? ([a.recorded, b.recorded] as const) : undefined;
  return [
    {
      kind: "table",
      leftColumns: 1,
      header: [
        "backbones",
        "rank correlation, estimated",
        "P-Few in common, estimated",
        "rank correlation, recorded",
        "P-Few in common, recorded",
      ],
      rows: pairs.map((pair) => {
        const [a, b] = pair;
        const recorded = both(pair);
        return [
          cell(`${a.backbone}, ${b.backbone}`),
          cell(fixed(spearman(a.estimated, b.estimated))),
          cell(shared(pretrainGroups(a.estimated), pretrainGroups(b.estimated))),
          cell(fixed(recorded && spearman(...recorded))),
          cell(recorded ? shared(pretrainGroups(recorded[0]), pretrainGroups(recorded[1])) : UNDEFINED),
        ];
      }),
    },
    paragraph(`By chance ${chance.toFixed(1)} of ${few} P-Few classes would be in common.`),
  ];
}

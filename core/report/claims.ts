import { crossGroups, GROUPS } from "../evaluation/index.ts";
import { type Analysis, metricDifference, pretrainColumn } from "./analysis.ts";
import { interval, points } from "./document/numbers.ts";
import { dualTailOf, nameOf, type Row } from "./read/rows.ts";
import { backbonesOf, isBackdoorLoss, isControl, PAPER, singleRow, singleRows } from "./roles.ts";

export type Verdict = "holds" | "does not hold" | "cannot be told apart" | "not measured";

/** A qualitative claim of the paper (arXiv 2501.15955) and what the intervals say about it here. */
export interface Claim {
  readonly claim: string;
  /** How it was turned into a question that an interval answers. */
  readonly rule: string;
  readonly verdict: Verdict;
  /** The figures. */
  readonly evidence: readonly string[];
}

/** "Hardly" means: by less than this, one percentage point. */
export const HARDLY = 0.01;

const KNN = "test/knn";

type Bounds = { readonly value: number; readonly low?: number; readonly high?: number };

/** Whether a gain is surely below, or surely at or above, the margin. */
export function hardly(gain: Bounds | undefined): Verdict {
  if (gain === undefined) return "not measured";
  if (gain.low === undefined || gain.high === undefined) return "cannot be told apart";
  return gain.high < HARDLY ? "holds" : gain.low >= HARDLY ? "does not hold" : "cannot be told apart";
}

/** Whether a difference is surely above, or surely not above, 0. */
export function rises(gain: Bounds | undefined): Verdict {
  if (gain === undefined) return "not measured";
  if (gain.low === undefined || gain.high === undefined) return "cannot be told apart";
  return gain.low > 0 ? "holds" : gain.high < 0 ? "does not hold" : "cannot be told apart";
}

/** A claim decided on each backbone, and on their mean. */
interface PerBackbone {
  readonly claim: Claim;
  readonly verdicts: ReadonlyMap<string, Verdict>;
}

export function claimsOf(analysis: Analysis): Claim[] {
  const measured = [knnOfLa(analysis), glaTrainOnFew(analysis), dualTailFalls(analysis)];
  return [
    ...measured.map(({ claim }) => claim),
    featureQuality(analysis),
    allBackbones(backbonesOf(analysis.rows), measured),
  ];
}

/** Rows of `loss` and `base` on the same backbones, where both are there. */
function pairs({ rows }: Analysis, loss: string, base: string) {
  return backbonesOf(rows).flatMap((backbone) => {
    const [own, other] = [singleRow(rows, loss, backbone), singleRow(rows, base, backbone)];
    return own && other ? [{ backbone, own, other }] : [];
  });
}

function gainClaim(
  analysis: Analysis,
  [loss, base]: readonly [string, string],
  texts: { readonly claim: string; readonly rule: string },
  gain: (own: readonly Row[], other: readonly Row[]) => Bounds | undefined,
): PerBackbone {
  const found = pairs(analysis, loss, base);
  const each = found.map(({ backbone, own, other }) => ({ backbone, gain: gain([own], [other]) }));
  const mean =
    found.length > 0
      ? gain(
          found.map(({ own }) => own),
          found.map(({ other }) => other),
        )
      : undefined;
  const shown = [...each, ...(found.length > 1 ? [{ backbone: "mean of the backbones", gain: mean }] : [])];
  return {
    claim: {
      ...texts,
      verdict: hardly(mean),
      evidence: shown.map(
        ({ backbone, gain: own }) => `${backbone}: ${points(own)} ${interval(own)}: ${hardly(own)}`,
      ),
    },
    verdicts: new Map(each.map(({ backbone, gain: own }) => [backbone, hardly(own)])),
  };
}

const knnOfLa = (analysis: Analysis): PerBackbone =>
  gainClaim(
    analysis,
    [PAPER.reference, PAPER.baseline],
    {
      claim: "LA hardly raises KNN accuracy",
      rule: "KNN accuracy of la minus that of ce lies below 1 point (t interval over the seeds; test images are not resampled)",
    },
    (own, other) => metricDifference(KNN, own, other),
  );

const glaTrainOnFew = (analysis: Analysis): PerBackbone =>
  gainClaim(
    analysis,
    [PAPER.glaTrain, PAPER.reference],
    {
      claim: "GLA-Train hardly helps P-Few",
      rule: "accuracy of gla-train minus that of la on the P-Few classes of each backbone lies below 1 point",
    },
    (own, other) => {
      const few = pretrainColumn("few");
      const term = (row: Row, weight: number, of: Row) => ({ row, weight, classes: few.classes(of) ?? [] });
      return analysis.contrast(
        own.flatMap((row, i) => [term(row, 1 / own.length, row), term(other[i]!, -1 / own.length, row)]),
      );
    },
  );

function dualTailFalls(analysis: Analysis): PerBackbone {
  const verdicts = new Map<string, Verdict>();
  const evidence: string[] = [];
  for (const backbone of backbonesOf(analysis.rows)) {
    const row = singleRow(analysis.rows, PAPER.reference, backbone);
    if (!row) continue;
    const tail = dualTailOf(row);
    const cells = crossGroups(row.downstream, row.pretrain).flatMap((cellsOfD, d) =>
      cellsOfD.map((classes, p) => ({ name: `D-${GROUPS[d]} ∩ P-${GROUPS[p]}`, classes })),
    );
    const others = cells.slice(0, -1).filter(({ classes }) => classes.length > 0);
    const against = (classes: readonly number[], level?: number) =>
      analysis.contrast(
        [
          { row, weight: 1, classes: tail },
          { row, weight: -1, classes },
        ],
        level,
      );
    // One cell that is surely worse refutes the claim; looking at several, each at the level that Bonferroni asks for.
    const compared = others.flatMap(({ name, classes }) => {
      const gap = against(classes);
      const strict = against(classes, 1 - 0.05 / others.length);
      return gap && strict ? [{ name, gap, strict }] : [];
    });
    const verdict: Verdict =
      compared.length === 0
        ? "not measured"
        : compared.every(({ gap }) => gap.high < 0)
          ? "holds"
          : compared.some(({ strict }) => strict.low > 0)
            ? "does not hold"
            : "cannot be told apart";
    verdicts.set(backbone, verdict);
    const figures = compared.map(({ name, gap }) => `${name} ${points(gap)} ${interval(gap)}`);
    evidence.push(
      `${nameOf(row)}: ${verdict}${figures.length > 0 ? `; dual-tail minus ${figures.join(", ")}` : " (no dual-tail class)"}`,
    );
  }
  return {
    claim: {
      claim: "Dual-tail classes fall most",
      rule: "with la, on every backbone, dual-tail accuracy lies below that of each other cell of the 3×3 map (refuted by a cell that surely lies below it, Bonferroni)",
      verdict: together([...verdicts.values()]),
      evidence,
    },
    verdicts,
  };
}

function featureQuality({ rows }: Analysis): Claim {
  const gains = rows
    .filter((row) => isBackdoorLoss(row) && !isControl(row))
    .flatMap((row) => {
      const base = singleRows(rows, PAPER.reference, row.backbones);
      const gain = base && metricDifference(KNN, [row], base);
      return gain ? [{ row, gain, verdict: rises(gain) }] : [];
    });
  return {
    claim: "Backdoor raises feature quality",
    rule: "KNN accuracy of a backdoor row minus the mean of the single la rows is above 0 (t interval over the seeds); a row over several backbones uses their features side by side, a post-hoc row has none of its own",
    verdict: together(gains.map(({ verdict }) => verdict)),
    evidence: gains.map(
      ({ row, gain, verdict }) => `${nameOf(row)}: ${points(gain)} ${interval(gain)}: ${verdict}`,
    ),
  };
}

function allBackbones(backbones: readonly string[], measured: readonly PerBackbone[]): Claim {
  const each = measured.map(({ claim, verdicts }) => {
    const complete = backbones.map((backbone) => verdicts.get(backbone) ?? "not measured");
    return { claim: claim.claim, complete, verdict: together(complete) };
  });
  const known = each.map(({ verdict }) => verdict).filter((verdict) => verdict !== "not measured");
  return {
    claim: `The effects hold for all foundation models (${backbones.join(", ")})`,
    rule: "each of the first three claims, decided on every backbone by itself",
    verdict: backbones.length < 2 ? "not measured" : together(known),
    evidence: each.map(
      ({ claim, complete }) => `${claim}: ${backbones.map((name, i) => `${name} ${complete[i]}`).join(", ")}`,
    ),
  };
}

/** Holds where all do, does not where one does not. */
function together(verdicts: readonly Verdict[]): Verdict {
  if (verdicts.length === 0 || verdicts.every((verdict) => verdict === "not measured")) return "not measured";
  if (verdicts.includes("does not hold")) return "does not hold";
  return verdicts.every((verdict) => verdict === "holds") ? "holds" : "cannot be told apart";
}

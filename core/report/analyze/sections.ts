import { perClassPlot } from "../../comparison/presentation/plots/index.ts";
import type { Analysis } from "../analysis.ts";
import { type Block, type Cell, cell, type Figure, heading, paragraph } from "../document/blocks.ts";
import { fixed, interval, percent, points, UNDEFINED } from "../document/numbers.ts";
import { nameOf, type Row } from "../read/rows.ts";
import type { Explained } from "./explain.ts";
import { type ClassLoss, classFacts, type RowLosses } from "./losses.ts";

/** Accuracy of each class against both logarithms: correlations, the fit on both, a scatter per row. */
export async function explainBlocks(
  analysis: Analysis,
  all: readonly Explained[],
  draw: boolean,
): Promise<Block[]> {
  const recorded = ({ backbones }: Row) =>
    backbones.every((backbone) =>
      analysis.rows.some(
        (row) => row.recorded && row.backbones.length === 1 && row.backbones[0] === backbone,
      ),
    );
  const figures: Figure[] = [];
  for (const [i, { row, accuracy }] of draw ? all.entries() : []) {
    const svg = await perClassPlot({
      title: nameOf(row),
      series: [{ name: nameOf(row), accuracy }],
      trainCounts: analysis.trainCounts,
      ...(row.prior ? { prior: row.prior } : {}),
      priorLabel: recorded(row) ? "Recorded pre-training share" : "Estimated pre-training prior",
    });
    if (svg) figures.push({ name: `per-class-${i}`, caption: nameOf(row), svg });
  }
  return [
    heading(2, "Which imbalance explains the accuracy of a class"),
    {
      kind: "table",
      leftColumns: 1,
      header: ["row", "P by", "classes", "ρ log n", "ρ log P", "β log n", "β log P", "R²", "r of both logs"],
      rows: all.map(({ row, classes, rank, regression }): Cell[] => [
        cell(nameOf(row)),
        cell(row.prior ? (recorded(row) ? "record" : "estimate") : UNDEFINED),
        cell(String(classes.length)),
        cell(fixed(rank.downstream)),
        cell(fixed(rank.pretrain)),
        ...[0, 1].map((j) => {
          const own = regression?.coefficients[j];
          return own ? cell(points(own), interval(own)) : cell(UNDEFINED);
        }),
        cell(fixed(regression?.r2)),
        cell(fixed(regression?.between)),
      ]),
    },
    paragraph(
      "Over classes that have test images, training images and a share of pre-training above 0; accuracy is the mean over seeds. n: " +
        "training images; P: share of the pre-training data, recorded or estimated. ρ: Spearman's rank correlation with accuracy. β: points of accuracy per standard " +
        "deviation of that logarithm with the other held fixed (ordinary least squares on both, 95 % interval by t over classes), so that " +
        "the two β can be compared with each other. " +
        `${UNDEFINED}: does not vary or was not logged. Where the two logarithms are strongly correlated, the fit cannot tell them apart and the intervals are wide.`,
    ),
    ...(figures.length > 0 ? [{ kind: "figures" as const, figures }] : []),
  ];
}

/** Which classes lose most, row by row. */
export function lossBlocks(analysis: Analysis, all: readonly RowLosses[], worst: number): Block[] {
  const images = new Set(countsOf(analysis));
  return [
    heading(2, "Classes that lose most"),
    paragraph(
      `Up to ${worst} per row, in points: below zero-shot of the same backbone (of several: their mean), and below the row's own mean over classes. ` +
        `A class has ${images.size === 1 ? [...images][0] : `${Math.min(...images)} to ${Math.max(...images)}`} test images, so single classes are uncertain, ` +
        "and the worst of many look worse than they are.",
    ),
    {
      kind: "table",
      leftColumns: 2,
      header: ["row", "below", "classes", "D-few", "P-few", "dual-tail"],
      rows: [
        ...all.flatMap((own) => sidesOf(own).map(([name, losses]) => shareCells(own, name, losses))),
        ...all.slice(0, 1).map((own) => allClasses(own)),
      ],
    },
    ...all.flatMap((own): Block[] => [
      heading(3, nameOf(own.explained.row)),
      ...sidesOf(own).map(
        ([name, losses]): Block =>
          losses.length === 0
            ? paragraph(`No class lies below ${name}.`)
            : {
                kind: "table",
                leftColumns: 1,
                header: [`class, below ${name}`, "n", "P %", "D", "P", "accuracy", "difference"],
                rows: losses.map((loss) => lossCells(analysis, own.explained.row, loss)),
              },
      ),
    ]),
  ];
}

const sidesOf = ({ fromZeroShot, fromMean }: RowLosses): (readonly [string, readonly ClassLoss[]])[] => [
  ...(fromZeroShot ? [["zero-shot", fromZeroShot] as const] : []),
  ["the row's mean", fromMean] as const,
];

function shareCells({ explained: { row } }: RowLosses, name: string, losses: readonly ClassLoss[]): Cell[] {
  const of = (fits: (k: number) => boolean) => cell(String(losses.filter((loss) => fits(loss.class)).length));
  return [cell(nameOf(row)), cell(name), ...countCells(row, of)];
}

function allClasses({ explained: { row } }: RowLosses): Cell[] {
  const of = (fits: (k: number) => boolean) => cell(String(row.downstream.filter((_, k) => fits(k)).length));
  return [cell("all classes"), cell(`groups of ${nameOf(row)}`), ...countCells(row, of)];
}

const countCells = (row: Row, of: (fits: (k: number) => boolean) => Cell): Cell[] => [
  of(() => true),
  of((k) => row.downstream[k] === "few"),
  of((k) => row.pretrain[k] === "few"),
  of((k) => row.downstream[k] === "few" && row.pretrain[k] === "few"),
];

function lossCells(analysis: Analysis, row: Row, loss: ClassLoss): Cell[] {
  const { name, trainCount, downstream, pretrain, prior } = classFacts(analysis, row, loss.class);
  return [
    cell(name),
    cell(String(trainCount)),
    cell(prior === undefined ? UNDEFINED : (100 * prior).toPrecision(2)),
    cell(downstream),
    cell(pretrain),
    cell(percent(loss.accuracy)),
    cell(points({ value: loss.difference })),
  ];
}

/** Test images of each class that has some. */
function countsOf({ labels, classNames }: Analysis): number[] {
  const counts = classNames.map(() => 0);
  for (const k of labels) counts[k]!++;
  return counts.filter((count) => count > 0);
}

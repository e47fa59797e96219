import { markdownTable, percent, percentWithSpread } from "../../core/comparison/presentation/format.ts";
import { type Effects, effects, nameOf } from "./effects.ts";
import type { SweepRow } from "./summary.ts";

/** The sweep as Markdown: accuracy per loss, tower and ratio, and what each imbalance costs each loss. */
export function sweepReport(rows: readonly SweepRow[], command: string): string {
  const ratios = [...new Set(rows.map(({ ratio }) => ratio))].sort((a, b) => a - b);
  const seeds = Math.max(...rows.map((row) => row.seeds));
  const losses = [...new Set(rows.map(({ loss }) => loss))];
  return [
    "# Parameter imbalance against data imbalance",
    `Made by \`${command}\`. Towers of one architecture, pre-trained on corpora of about the same size whose counts of the downstream classes are flat, mildly or strongly skewed, in the order of the downstream counts (aligned), independent of it, or opposed to it. About 3,000 training images at every downstream ratio. Mean per-class accuracy on the balanced test set in %, mean ± standard deviation over ${seeds === 1 ? "1 seed: no deviation, read differences as anecdotes" : `${seeds} seeds (of training; each tower was pre-trained once, so differences between towers also hold the luck of one pre-training)`}.`,
    ...losses.map((loss) => section(loss, rows, ratios)),
    "## What each imbalance costs",
    `Differences of the accuracies above, in points. *Data*: from ratio ${ratios[0]} to ${ratios.at(-1)}, averaged over all towers. *Parameter*: from the flat tower to the strongly skewed one, averaged over the ratios. *Interaction*: what the data imbalance costs the strong tower beyond what it costs the flat one.`,
    effectsTable(effects(rows), "all classes"),
    effectsTable(effects(rows, "dFew"), "D-Few classes (those with few images at ratio 100)"),
    "",
  ].join("\n\n");
}

function section(loss: string, rows: readonly SweepRow[], ratios: readonly number[]): string {
  const own = rows.filter((row) => row.loss === loss);
  const names = [...new Set(own.map(rowName))];
  const cell = (name: string, ratio: number, key: "overall" | "dFew") => {
    const row = own.find((one) => rowName(one) === name && one.ratio === ratio);
    const value = row?.[key];
    if (row === undefined || value === undefined) return percent(undefined);
    if (key !== "overall") return percent(value);
    return percentWithSpread({ mean: value, ...(row.sd === undefined ? {} : { sd: row.sd }) });
  };
  const header = ["tower", ...ratios.flatMap((ratio) => [`IR ${ratio}`, "of them D-Few"])];
  const body = names.map((name) => [
    name,
    ...ratios.flatMap((ratio) => [cell(name, ratio, "overall"), cell(name, ratio, "dFew")]),
  ]);
  return `## ${loss}\n\n${markdownTable(header, body, 1).trimEnd()}`;
}

const rowName = (row: SweepRow) => (row.towers > 1 ? `all ${row.towers} ${row.skew} towers` : nameOf(row));

function effectsTable(list: readonly Effects[], title: string): string {
  const towers = Object.keys(list[0]?.parameter ?? {});
  const points = (value: number) => (Number.isNaN(value) ? percent(undefined) : signed(100 * value));
  const short = (tower: string) => tower.replace("strong-", "");
  const header = [
    title,
    "data",
    ...towers.map((tower) => `parameter (${short(tower)})`),
    ...towers.map((tower) => `interaction (${short(tower)})`),
  ];
  const body = list.map(({ loss, data, parameter, interaction }) => [
    loss,
    points(data),
    ...towers.map((tower) => points(parameter[tower]!)),
    ...towers.map((tower) => points(interaction[tower]!)),
  ]);
  return markdownTable(header, body, 1).trimEnd();
}

function signed(value: number): string {
  const size = Math.abs(value).toFixed(1);
  if (size === "0.0") return size;
  return `${value < 0 ? "−" : "+"}${size}`;
}

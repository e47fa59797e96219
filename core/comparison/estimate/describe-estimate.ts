import type { Cost, Estimate, EstimateResult, Part } from "./types.ts";

/** An estimate for a terminal, line by line. */
export function estimateText(result: EstimateResult): string {
  const notes = result.notes.map((note) => `  ${note}`);
  if (!result.ok) return ["estimate: not possible", ...notes].join("\n");
  const { sizes, time, memory, disk, assumes } = result.estimate;
  const { from, classes, train, validation, test } = sizes;
  const splits = [
    `${whole(train)} train`,
    validation ? `${whole(validation)} validation` : "",
    `${whole(test)} test`,
  ];
  const rows: [string, string][] = [
    [
      "data",
      `${whole(classes)} classes; ${splits.filter(Boolean).join(", ")} (${from === "files" ? "counted" : "as published"})`,
    ],
    ["training", costText(time.training)],
    ["evaluation", costText(time.evaluation)],
    ["total", `${costText(time.total)}${speedText(result.estimate)}`],
    ...longest(result.estimate),
    ...preparation(result.estimate),
    ["memory", partsText(memory.host)],
    ...(memory.device.length > 0
      ? [["on the device", partsText(memory.device)] satisfies [string, string]]
      : []),
    ["disk", `${partsText(disk.runFolder)} in the run folder`],
    ["", `${partsText(disk.tracking)} logged to MLflow`],
    ...(disk.downloads.length > 0
      ? [["", `${partsText(disk.downloads)} to fetch`] satisfies [string, string]]
      : []),
  ];
  const width = Math.max(...rows.map(([what]) => what.length));
  return [
    "estimate",
    ...rows.map(([what, text]) => `  ${what.padEnd(width)}  ${text}`),
    ...notes,
    "  assumes:",
    ...assumes.map((line) => `    ${line}`),
  ].join("\n");
}

const whole = (n: number): string => n.toLocaleString("en-US");

function speedText({ time: { speed } }: Estimate): string {
  switch (speed?.from) {
    case undefined:
      return "; --rate <TFLOP/s> of the device's matrix products gives the time";
    case "steps":
      return ", from steps and batches timed here";
    case "given":
      return `, at ${flops(speed.rate)}/s as given`;
    case "matrix products":
      return `, at ${flops(speed.rate)}/s of matrix products, measured here; --measure times real steps`;
  }
}

/** The cell that takes longest: what a user waits for before the first row that was trained. */
function longest({ time: { cells, training } }: Estimate): [string, string][] {
  const [cell] = cells.toSorted((a, b) => b.training.operations - a.training.operations);
  if (cell === undefined || training.operations === 0) return [];
  const cost = costSum(cell.training, cell.evaluation);
  return [["largest cell", `${costText(cost)} (${cell.label})`]];
}

/** Where steps are quick, what feeds them decides. */
function preparation({ time: { total } }: Estimate): [string, string][] {
  if (!total.seconds) return [];
  const rate = whole(Math.round(total.images / total.seconds));
  return [["images", `${rate} a second are to be prepared for that; where it is fewer, they set the time`]];
}

const costSum = (a: Cost, b: Cost): Cost => ({
  images: a.images + b.images,
  operations: a.operations + b.operations,
  ...(a.seconds === undefined || b.seconds === undefined ? {} : { seconds: a.seconds + b.seconds }),
});

const costText = ({ images, operations, seconds }: Cost): string =>
  [`${whole(images)} images`, flops(operations), ...(seconds === undefined ? [] : [duration(seconds)])].join(
    ", ",
  );

/** "2.1 GiB: training step 1.2 GiB, …", largest first, without what is less than a hundredth. */
function partsText(parts: readonly Part[]): string {
  const total = parts.reduce((sum, { bytes }) => sum + bytes, 0);
  const shown = parts.filter(({ bytes }) => bytes >= total / 100).sort((a, b) => b.bytes - a.bytes);
  return `${size(total)} (${shown.map(({ what, bytes }) => `${what} ${size(bytes)}`).join(", ")})`;
}

/** Operations with a prefix: "12.3 TFLOP". */
export function flops(n: number): string {
  const at = Math.min(Math.max(Math.floor(Math.log10(Math.max(n, 1)) / 3), 0), PREFIXES.length - 1);
  return `${short(n / 1000 ** at)} ${PREFIXES[at]}FLOP`;
}
const PREFIXES = ["", "k", "M", "G", "T", "P", "E"];

/** Bytes in binary units: "1.5 GiB". */
export function size(bytes: number): string {
  const at = Math.min(Math.max(Math.floor(Math.log2(Math.max(bytes, 1)) / 10), 0), UNITS.length - 1);
  return `${short(bytes / 1024 ** at)} ${UNITS[at]}`;
}
const UNITS = ["B", "KiB", "MiB", "GiB", "TiB"];

/** "4 s", "12 min", "5.2 h", "3.1 days". */
export function duration(seconds: number): string {
  if (seconds < 100) return `${short(seconds)} s`;
  if (seconds < 100 * 60) return `${short(seconds / 60)} min`;
  if (seconds < 72 * 3600) return `${short(seconds / 3600)} h`;
  return `${short(seconds / 86400)} days`;
}

/** Two digits, or three from 100 on. */
const short = (n: number): string => (n >= 10 ? n.toFixed(0) : n.toFixed(n === 0 ? 0 : 1));

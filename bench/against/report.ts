import type { JpegBenchResult } from "../jpeg/bench.ts";
import { median } from "../median.ts";
import type { Measurement, Side } from "./measure.ts";

const time = (seconds: number): string =>
  seconds < 1 ? `${(seconds * 1000).toFixed(0)} ms` : `${seconds.toFixed(2)} s`;
const memory = (mib: number): string => `${mib.toFixed(0)} MiB`;
const ratio = (value: number): string => `${value.toFixed(2)}×`;

/** Median over the rounds of the ratio within a round, which a drift of the machine does not change. */
export const pairedRatio = (over: Side, under: Side): number =>
  median(over.seconds.map((seconds, round) => seconds / under.seconds[round]!));

/** One case in a line, for the terminal. */
export function summary({ ours, torch, recompute }: Measurement): string {
  const again = recompute
    ? `; recompute ${ratio(pairedRatio(recompute, ours))} of the time, ${ratio(recompute.peakMiB / torch.peakMiB)} of PyTorch's memory`
    : "";
  return `  ${ratio(pairedRatio(torch, ours))} PyTorch's speed, ${ratio(ours.peakMiB / torch.peakMiB)} of its memory${again}`;
}

/** CPU of the JPEG pipeline, which other load on the machine changes less than speed. */
function cpuTime({ cpu: { ours, torch } }: JpegBenchResult): string {
  if (torch.some(Number.isNaN)) return "";
  const saved = median(torch.map((ms, round) => ms / ours[round]!));
  return ` CPU time per image, all threads and processes: ${median(ours).toFixed(2)} ms against ${median(torch).toFixed(2)} ms, ${ratio(saved)}.`;
}

/** The comparison as Markdown tables. */
export function report(measurements: readonly Measurement[], jpeg: JpegBenchResult | undefined): string {
  const rows = measurements.map(({ case: { title }, ours, torch, recompute }) => {
    const again = recompute
      ? [
          time(median(recompute.seconds)),
          ratio(pairedRatio(recompute, ours)),
          memory(recompute.peakMiB),
          ratio(recompute.peakMiB / torch.peakMiB),
        ]
      : ["—", "—", "—", "—"];
    return [
      title,
      time(median(torch.seconds)),
      time(median(ours.seconds)),
      ratio(pairedRatio(torch, ours)),
      memory(torch.peakMiB),
      memory(ours.peakMiB),
      ratio(ours.peakMiB / torch.peakMiB),
      ...again,
    ];
  });
  const head = [
    "case",
    "PyTorch",
    "dualtail",
    "speed-up",
    "PyTorch's peak memory",
    "dualtail's",
    "ratio",
    "`recompute`",
    "of dualtail's time",
    "its peak memory",
    "of PyTorch's",
  ];
  const lines = [head, head.map((_, i) => (i === 0 ? "---" : "---:")), ...rows].map(
    (cells) => `| ${cells.join(" | ")} |`,
  );
  const idle = measurements[0];
  if (idle) {
    lines.push(
      "",
      `Peak memory is that of the whole process. Before anything is opened it is ${memory(idle.torch.idleMiB)} with PyTorch and its libraries, ${memory(idle.ours.idleMiB)} with Node.`,
    );
  }
  if (jpeg) {
    const [ours, torch] = [median(jpeg.ours), median(jpeg.torch)];
    const speedUp = median(jpeg.ours.map((rate, round) => rate / jpeg.torch[round]!));
    lines.push(
      "",
      `JPEG pipeline: ${ours.toFixed(0)} images/s against torchvision's ${torch.toFixed(0)} with as many workers: ${ratio(speedUp)}.${cpuTime(jpeg)}`,
    );
  }
  return lines.join("\n");
}

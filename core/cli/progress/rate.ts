/** Seconds as a person reads them: "3.2 s", "2 min 05 s", "1 h 07 min". */
export function formatSeconds(seconds: number): string {
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  const two = (n: number) => String(n).padStart(2, "0");
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${two(whole % 60)} s`;
  return `${Math.floor(whole / 3600)} h ${two(Math.floor((whole % 3600) / 60))} min`;
}

/** Units per second: "375", "37.5", "0.42". */
export function formatRate(perSecond: number): string {
  if (!Number.isFinite(perSecond)) return "–";
  if (perSecond >= 99.95) return perSecond.toFixed(0);
  return perSecond >= 9.995 ? perSecond.toFixed(1) : perSecond.toFixed(2);
}

/** What a stage has done so far. */
export interface Progress {
  readonly done: number;
  /** 0: unknown. */
  readonly total: number;
  readonly unit: string;
  /** Since the stage began. */
  readonly seconds: number;
}

/** "240/1200 images (20 %), 75 images/s, ETA 13 s". */
export function describeProgress({ done, total, unit, seconds }: Progress): string {
  const rate = done / seconds;
  const parts = [
    total > 0 ? `${done}/${total} ${unit} (${Math.floor((100 * done) / total)} %)` : `${done} ${unit}`,
  ];
  if (done > 0 && seconds > 0) parts.push(`${formatRate(rate)} ${unit}/s`);
  if (done > 0 && seconds > 0 && total > done) parts.push(`ETA ${formatSeconds((total - done) / rate)}`);
  return parts.join(", ");
}

/** "1200 images in 16 s (75 images/s)". */
export function describeEnd({ done, unit, seconds }: Progress): string {
  if (done === 0) return `in ${formatSeconds(seconds)}`;
  const rate = seconds > 0 ? ` (${formatRate(done / seconds)} ${unit}/s)` : "";
  return `${done} ${unit} in ${formatSeconds(seconds)}${rate}`;
}

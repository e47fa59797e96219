/** 1–2–5 ticks, thinned to 1–3 and to powers of ten as the range grows. */
export function logTicks(low: number, high: number): number[] {
  const decades = Math.log10(high / low);
  const digits = decades <= 2.4 ? [1, 2, 5] : decades <= 3.5 ? [1, 3] : [1];
  const ticks: number[] = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power++) {
    // Through the decimal text: 2 * 10 ** -4 would print as 0.00019999….
    for (const digit of digits) ticks.push(Number(`${digit}e${power}`));
  }
  return ticks.filter((tick) => tick >= low && tick <= high);
}

/** At most about six whole numbers with a round step (1, 2, 5, 10, …) within [low, high]. */
export function wholeTicks(low: number, high: number): number[] {
  const wanted = Math.max(1, (high - low) / 6);
  const power = 10 ** Math.floor(Math.log10(wanted));
  const step = [1, 2, 5, 10].map((digit) => digit * power).find((candidate) => candidate >= wanted - 1e-9)!;
  const ticks: number[] = [];
  for (let tick = Math.ceil(low / step) * step; tick <= high; tick += step) ticks.push(tick);
  return ticks;
}

/** What a child process tracks; the same on both sides, so that the server can be held against it. */
export interface Spec {
  readonly seed: number;
  readonly runs: number;
  readonly steps: number;
  /** Time of a step that is not tracking, ms. */
  readonly stepMs: number;
  /** Points of a step. */
  readonly keys: number;
  /** Bytes of each artifact. */
  readonly artifacts: readonly number[];
  /** Items that the server refuses: a param given a second value, a metric whose key is too long. */
  readonly poison?: boolean;
  /** Several points in one call, as many steps at a time. */
  readonly perCall?: number;
}

export const DEFAULT: Spec = {
  seed: 1,
  runs: 2,
  steps: 150,
  stepMs: 20,
  keys: 4,
  artifacts: [1000, 200_000],
};

/** What a child writes to the file that it is given, at its end. */
export interface ChildReport {
  /** Time of each call of `logMetrics`, ms. */
  readonly logMs: readonly number[];
  readonly warnings: readonly string[];
  readonly lines: readonly string[];
  /** Bytes. */
  readonly rss: { readonly start: number; readonly peak: number };
  /** From the last `finish` to the end of `close`, ms. */
  readonly closeMs: number;
}

export interface Expected {
  readonly name: string;
  readonly metrics: readonly {
    readonly key: string;
    readonly value: number;
    readonly step: number;
    readonly timestamp: number;
  }[];
  readonly params: Readonly<Record<string, string>>;
  readonly tags: Readonly<Record<string, string>>;
  readonly artifacts: Readonly<Record<string, Uint8Array>>;
}

export const TOO_LONG = "k".repeat(300);

export const runName = (run: number) => (run === 0 ? "parent" : `run ${run}`);
export const paramsOf = (run: number) => ({ run: String(run), lr: "0.001", note: "ä".repeat(300) });
export const tagsOf = (run: number) => ({ fault: "yes", number: String(run) });
export const inputsOf = (run: number) => [
  { name: "icons", digest: `d${run}`, source: "icons", context: "training" },
];

export const pointsOf = (spec: Spec, run: number, step: number) =>
  Array.from({ length: spec.keys }, (_, key) => ({
    key: `metric-${key}`,
    value: Math.fround(Math.sin(spec.seed + run * 1e3 + step + key / 10)),
    step,
    timestamp: 1e12 + 1e6 * run + step,
  }));

/** Bytes that differ everywhere. */
export function artifactOf({ seed }: Spec, run: number, index: number, size: number): Uint8Array {
  let state = (seed * 7919 + run * 31 + index + 1) >>> 0;
  return Uint8Array.from({ length: size }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state >>> 24;
  });
}

/** Everything the server must show in the end; what it refuses for good is not among it. */
export function expected(spec: Spec): Expected[] {
  return Array.from({ length: spec.runs }, (_, run) => ({
    name: runName(run),
    metrics: Array.from({ length: spec.steps }, (_, step) => pointsOf(spec, run, step)).flat(),
    params: paramsOf(run),
    tags: tagsOf(run),
    artifacts: Object.fromEntries(
      spec.artifacts.map((size, index) => [`files/${index}.bin`, artifactOf(spec, run, index, size)]),
    ),
  }));
}

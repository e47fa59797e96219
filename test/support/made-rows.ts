import { xoroshiro128plus } from "pure-rand/generator/xoroshiro128plus";
import { downstreamGroups, type Group, pretrainGroups } from "../../core/evaluation/index.ts";
import type { Run } from "../../core/mlflow-js-client/index.ts";
import { type Analysis, analyse } from "../../core/report/analysis.ts";
import type { Row } from "../../core/report/read/rows.ts";

const K = 9;
const PER_CLASS = 40;
export const labels = Int32Array.from({ length: K * PER_CLASS }, (_, i) => i % K);
const trainCounts = [300, 200, 150, 60, 50, 40, 10, 8, 5];
export const downstream: readonly Group[] = downstreamGroups(trainCounts);
// P-Few: classes 2, 5, 8; class 8 is the dual tail.
const pretrain: readonly Group[] = pretrainGroups([9, 6, 3, 8, 5, 2, 7, 4, 1]);

interface Made {
  readonly loss: string;
  readonly label?: string;
  readonly kind?: string;
  readonly backbones?: readonly string[];
  readonly options?: Readonly<Record<string, string>>;
  readonly seeds?: readonly (number | undefined)[];
  /** Of class k. */
  readonly accuracy: (k: number) => number;
  readonly knn?: (seed: number) => number;
}

let streams = 1;
/** To be called before each test, so that what it draws does not depend on the tests before it. */
export const restartDraws = (): void => {
  streams = 1;
};

/** A row whose runs are right as often as it says, each drawn from the next stream of random numbers. */
export function row(made: Made): Row {
  const { loss, label = loss, kind = "single", backbones = ["clip"], options = {}, seeds = [0, 1, 2] } = made;
  return {
    loss,
    label,
    kind,
    backbones,
    options,
    varied: {},
    downstream,
    pretrain,
    runs: seeds.map((seed) => {
      const generator = xoroshiro128plus(streams++);
      const uniform = () => (generator.next() >>> 0) / 2 ** 32;
      return {
        run: {} as Run,
        seed,
        correct: Uint8Array.from(labels, (y) => Number(uniform() < made.accuracy(y))),
        metrics: (made.knn ? { "test/knn": made.knn(seed ?? 0) } : {}) as Record<string, number>,
      };
    }),
  };
}

export const analysisOf = (...rows: readonly Row[]): Analysis =>
  analyse({
    rows,
    labels,
    trainCounts,
    setting: {},
    classNames: trainCounts.map((_, k) => `c${k}`),
    omitted: [],
  });

export const both = ["clip", "openclip"];
export const backdoor = (accuracy: number, seeds = [0, 1, 2]) =>
  row({ loss: "backdoor", kind: "post-hoc", backbones: both, seeds, accuracy: () => accuracy });
export const control = (backbone: string, accuracy: number, seeds = [0, 1, 2]) =>
  row({ loss: "control", kind: "post-hoc", backbones: [backbone], seeds, accuracy: () => accuracy });

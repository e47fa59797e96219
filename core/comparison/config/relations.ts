import type { Problem } from "../../container/schema/problem.ts";
import { canonicalJson } from "../plan/canonical-json.ts";
import type { ComparisonConfig, PluginChoice } from "./types.ts";
import { hasUnprintable, UNPRINTABLE } from "./unprintable.ts";

/** What has to hold between properties, which a schema cannot say. */
export function relations(config: ComparisonConfig): Problem[] {
  return [
    ...unprintable(config),
    ...repeated("losses", config.losses),
    ...repeated("backbones", config.backbones),
    ...repeatedMethod(config),
    ...shots(config),
    ...microBatch(config),
    ...thresholds(config),
    ...ordered(["train", "augment", "scale"], config.train.augment.scale),
    ...ordered(["train", "augment", "ratio"], config.train.augment.ratio),
  ];
}

/** What stands in lines of a terminal and in tags of MLflow. */
function unprintable({ experiment, name, dataset, backbones, losses }: ComparisonConfig): Problem[] {
  const labels = (list: string, choices: readonly PluginChoice[]) =>
    choices.map(({ label }, index) => [[list, index, "label"], label] as const);
  const texts: readonly (readonly [Problem["path"], string | undefined])[] = [
    [["experiment"], experiment],
    // Where there is none, it is the experiment's.
    [["name"], name === experiment ? undefined : name],
    [["dataset", "label"], dataset.label],
    ...labels("backbones", backbones),
    ...labels("losses", losses),
  ];
  return texts.flatMap(([path, text]): Problem[] =>
    text !== undefined && hasUnprintable(text) ? [{ path, at: "value", ...UNPRINTABLE }] : [],
  );
}

function repeated(list: string, choices: readonly PluginChoice[]): Problem[] {
  const seen = new Map<string, number>();
  return choices.flatMap(({ use, options }, index): Problem[] => {
    const content = canonicalJson({ use, options });
    const first = seen.get(content);
    if (first === undefined) {
      seen.set(content, index);
      return [];
    }
    const problem = `is the same as entry ${first} ("${use}" with the same options)`;
    return [{ path: [list, index], at: "value", problem, hint: "remove one, or change an option" }];
  });
}

/** Methods name their parameters after themselves, so one can be there once only, whatever its options. */
function repeatedMethod({ peft }: ComparisonConfig): Problem[] {
  return peft.flatMap(({ use }, index): Problem[] => {
    const first = peft.findIndex((other) => other.use === use);
    if (first === index) return [];
    const problem = `is the same method as entry ${first} ("${use}")`;
    return [{ path: ["peft", index], at: "value", problem, hint: "remove one" }];
  });
}

function shots({ head }: ComparisonConfig): Problem[] {
  if (head.init === "n-shot" && head.shots === undefined) {
    const problem = "n-shot needs the number of shots";
    return [{ path: ["head", "init"], at: "value", problem, hint: 'add "shots", e.g. 10' }];
  }
  if (head.init !== "n-shot" && head.shots !== undefined) {
    const problem = `is for "init: n-shot", but init is "${head.init}"`;
    return [{ path: ["head", "shots"], at: "key", problem, hint: "remove it" }];
  }
  return [];
}

function microBatch({ train: { batchSize, microBatchSize } }: ComparisonConfig): Problem[] {
  if (microBatchSize === undefined || batchSize % microBatchSize === 0) return [];
  return [
    {
      path: ["train", "microBatchSize"],
      at: "value",
      problem: `${microBatchSize} does not divide the batch size ${batchSize}`,
      hint: `use ${nearestDivisor(batchSize, microBatchSize)}`,
    },
  ];
}

/** Further up a divisor need not be the nearest: a batch size has no maximum, a wait has. */
const FARTHEST = 1_000_000;

/** The divisor of `whole` that is nearest to `size`; of two, the smaller. */
function nearestDivisor(whole: number, size: number): number {
  let best = 1;
  const consider = (divisor: number) => {
    const [distance, least] = [divisor, best].map((one) => Math.abs(one - size)) as [number, number];
    if (distance < least || (distance === least && divisor < best)) best = divisor;
  };
  for (let divisor = 1; divisor <= Math.min(Math.sqrt(whole), FARTHEST); divisor++) {
    if (whole % divisor !== 0) continue;
    consider(divisor);
    consider(whole / divisor);
  }
  return best;
}

function thresholds({ evaluation }: ComparisonConfig): Problem[] {
  const { many, few } = evaluation.thresholds;
  if (few <= many) return [];
  const problem = `is ${few}, more than "many" (${many}): a class could be both`;
  return [{ path: ["evaluation", "thresholds", "few"], at: "value", problem, hint: "choose few ≤ many" }];
}

function ordered(path: string[], [low, high]: readonly [number, number]): Problem[] {
  if (low <= high) return [];
  return [
    { path, at: "value", problem: `goes from ${low} to ${high}`, hint: "put the smaller number first" },
  ];
}

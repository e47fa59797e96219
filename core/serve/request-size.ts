import type { ComparisonConfig } from "../comparison/config/index.ts";
import type { PluginRegistry } from "../container/index.ts";
import type { Problem } from "../container/schema/problem.ts";
import type { Limits } from "./config/index.ts";

type Path = Problem["path"];

/** @param value what is not a number is for the schema to say */
const most = (path: Path, value: unknown, bound: number, what: string): Problem[] =>
  typeof value !== "number" || value <= bound
    ? []
    : [{ path, at: "value", problem: `${value} ${what}: this server takes at most ${bound}` }];

const ROWS = "rows (losses × backbones × seeds)";
/** Rows for each training that one gets within 24 hours: many share their trainings. */
const rowsOf = ({ trainings }: Limits) => 10 * trainings;

interface Sizes {
  readonly train?: unknown;
  readonly evaluation?: unknown;
}

/** Numbers that bound what one step and one training take. */
function numbers({ train, evaluation }: Sizes, limits: Limits): Problem[] {
  const [training, evaluating] = [train, evaluation].map((one) => (one ?? {}) as Record<string, unknown>);
  return [
    ...most(["train", "epochs"], training!.epochs, limits.epochs, "epochs"),
    ...most(["train", "batchSize"], training!.batchSize, limits.batchSize, "images per update"),
    ...most(["evaluation", "batchSize"], evaluating!.batchSize, limits.batchSize, "images per pass"),
  ];
}

/**
 * What asks for too much in a config as it was sent, told before anything else looks at it: checking a list, or a number
 * that others go with, can take far longer than its few characters suggest.
 */
export function rawSizeProblems(
  config: Readonly<Record<string, unknown>>,
  registry: PluginRegistry,
  limits: Limits,
): Problem[] {
  const entries = (name: string) => (Array.isArray(config[name]) ? config[name].length : 1);
  const rows = ["losses", "backbones", "seeds"].reduce((product, name) => product * (entries(name) || 1), 1);
  return [
    ...numbers(config, limits),
    ...most(["losses"], rows, rowsOf(limits), ROWS),
    // None can be there twice.
    ...most(["peft"], entries("peft"), registry.names("peft").length, "PEFT methods"),
    ...most(["prompt"], entries("prompt"), limits.templates, "templates"),
  ];
}

/** What asks for too much, told before a plan is made of it: a plan can be far larger than its config. */
export function sizeProblems(config: ComparisonConfig, registry: PluginRegistry, limits: Limits): Problem[] {
  const { backbones, losses, prompts, seeds } = config;
  const runs = losses.map(({ use, options }) => {
    const recipe = registry.get("loss", use).recipe(options as never);
    return recipe.mode === "post-hoc" && recipe.over === "seeds"
      ? (recipe.runs ?? Math.max(2, backbones.length))
      : 1;
  });
  // Every loss counted as if each of its runs were trained: an upper bound.
  const rows = runs.reduce((sum, own) => sum + own, 0) * backbones.length * seeds.length;
  return [
    ...numbers(config, limits),
    ...most(["losses"], rows, rowsOf(limits), ROWS),
    // Of a named set, too.
    ...most(["prompt"], prompts.length, limits.templates, "templates"),
  ];
}

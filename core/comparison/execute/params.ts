import { promptSetOf } from "../../models/prompts/index.ts";
import type { ComparisonConfig } from "../config/index.ts";
import type { Cell } from "../plan/index.ts";

type Scalar = string | number | boolean;

/** { a: { b: 1 } } → { "a.b": 1 }; lists become JSON, absent values disappear. */
export function flatten(value: unknown, prefix: string): Record<string, Scalar> {
  if (value === undefined || value === null) return {};
  if (typeof value === "string" || typeof value === "number" || typeof value === "boolean")
    return { [prefix]: value };
  if (Array.isArray(value)) return { [prefix]: JSON.stringify(value) };
  return Object.assign(
    {},
    ...Object.entries(value as object).map(([key, inner]) =>
      flatten(inner, prefix === "" ? key : `${prefix}.${key}`),
    ),
  ) as Record<string, Scalar>;
}

/** What all runs of a comparison have in common, as MLflow params. */
export function commonParams(config: ComparisonConfig): Record<string, Scalar> {
  const { dataset, peft, head, prompts, train, evaluation, device, threads } = config;
  const methods = peft.map(({ use, options }) => flatten(options, peft.length > 1 ? `peft.${use}` : "peft"));
  return {
    dataset: dataset.use,
    ...flatten(dataset.options, "dataset"),
    peft: peft.map(({ use }) => use).join("+") || "none",
    ...Object.assign({}, ...methods),
    // A set of many templates by its name: MLflow limits the length of a parameter.
    prompts: promptSetOf(prompts) ?? JSON.stringify(prompts),
    ...flatten({ head, train, evaluation, device, threads }, ""),
  };
}

/** What tells one cell from another. */
export function cellParams({ loss, backbones, seed, kind }: Cell): Record<string, Scalar> {
  const single = backbones.length === 1 ? flatten(backbones[0]!.options, "backbone") : {};
  return {
    loss: loss.name,
    ...flatten(loss.options, "loss"),
    backbone: backbones.map(({ label }) => label).join("+"),
    ...single,
    seed,
    kind,
  };
}

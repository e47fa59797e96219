import type { Problem } from "../container/schema/problem.ts";

/** What a request may say; everything else is the server's. */
const OPEN: readonly string[] = [
  "name",
  "dataset",
  "backbones",
  "peft",
  "losses",
  "seeds",
  "head",
  "prompt",
  "train",
  "evaluation",
  "device",
];

/** Properties of a request's or a preset's config that are not a request's. */
export function foreignKeys(config: Readonly<Record<string, unknown>>): Problem[] {
  return Object.keys(config)
    .filter((key) => !OPEN.includes(key))
    .map((key) => ({
      path: [key],
      at: "key",
      problem: `"${key}" is not for a request to say`,
      hint: `remove it; a request has: ${OPEN.join(", ")}`,
    }));
}

import { ConfigError } from "../../../core/plugin-api/index.ts";

/** Which transformer blocks a method works on: the last k, or those from the first number up to, not including, the second. */
export type Blocks = number | readonly [from: number, to: number];

/** Schema of an option `blocks`. */
export const blocksOption = {
  description:
    "Only the last k blocks, or [from, to]: blocks from ≤ i < to, counted from 0; all of them when absent",
  anyOf: [
    { type: "integer", minimum: 1 },
    { type: "array", items: { type: "integer", minimum: 0 }, minItems: 2, maxItems: 2 },
  ],
} as const;

export interface BlockRange {
  readonly from: number;
  /** The first block after the range. */
  readonly to: number;
  has(block: number | undefined): boolean;
}

/** The blocks an option means in a tower of `layers`. @throws ConfigError when it has no such blocks */
export function blockRange(method: string, layers: number, blocks: Blocks = layers): BlockRange {
  const [from, to] = typeof blocks === "number" ? [layers - blocks, layers] : blocks;
  if (from < 0 || to > layers || from >= to) {
    throw new ConfigError(
      "/blocks",
      `peft ${method}: there are no blocks ${JSON.stringify(blocks)} in a model of ${layers}`,
      { hint: `write a number up to ${layers}, or [from, to] with from < to ≤ ${layers}` },
    );
  }
  return { from, to, has: (block) => block !== undefined && from <= block && block < to };
}

import { huggingFaceLayout } from "./hugging-face-layout.ts";
import { type CheckpointLayout, isComplete } from "./layout.ts";
import { openClipLayout } from "./open-clip/layout.ts";

export { type CheckpointLayout, isComplete, type LayoutName, TOKENIZER_FILES } from "./layout.ts";

/** In the order of preference, for folders that hold a checkpoint in several. */
export const layouts: readonly CheckpointLayout[] = [huggingFaceLayout, openClipLayout];

/**
 * The layout of a folder (or repository) with these files: the first that is complete, else the first that is begun;
 * undefined when there is no config of any.
 */
export const layoutOf = (has: (name: string) => boolean): CheckpointLayout | undefined =>
  layouts.find((layout) => isComplete(layout, has)) ?? layouts.find(({ configFile }) => has(configFile));

const needed = ({ name, configs, weights }: CheckpointLayout): string =>
  `${[...configs, weights[0]].join(", ")} (${name} layout)`;

/** What a checkpoint folder must hold, in words. */
export const NEEDED = `${layouts.map(needed).join(" or ")}, and tokenizer.json (or vocab.json with merges.txt)`;

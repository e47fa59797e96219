export type SplitName = "train" | "validation" | "test";
export const SPLITS = ["train", "validation", "test"] as const satisfies readonly SplitName[];

/** What folders and files of a split are called on the Hugging Face hub, the usual name first. */
export const SPLIT_ALIASES = {
  train: ["train", "training"],
  validation: ["validation", "valid", "val", "dev"],
  test: ["test", "testing", "eval", "evaluation"],
} as const satisfies Record<SplitName, readonly string[]>;

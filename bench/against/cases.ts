/** One line of the comparison: a case of bench/workers and bench/torch with its settings. */
export interface Case {
  readonly key: string;
  readonly title: string;
  readonly name: "step" | "forward" | "text" | "opening";
  readonly model: "vit-b-16" | "vit-l-14";
  readonly settings: Readonly<Record<string, string | number>>;
  /** Also measure ours with recomputation. */
  readonly recompute?: boolean;
  /** The smallest speed-up that is aimed at. */
  readonly goal?: number;
}

const CLASSES = 1000;
/** LIFT's default width of adapters for that many classes. */
const RANK = 32;

const step = (peft: string, batch: number): Case => ({
  key: `${peft}-${batch}`,
  title: `ViT-B/16 ${peft} step, batch ${batch}`,
  name: "step",
  model: "vit-b-16",
  settings: { peft, batch, classes: CLASSES, rank: RANK },
  recompute: true,
  goal: 1.2,
});

export const CASES: readonly Case[] = [
  step("adaptformer", 8),
  step("lora", 8),
  step("adaptformer", 32),
  step("lora", 32),
  {
    key: "vit-l-14-forward",
    title: "ViT-L/14 image features, batch 8",
    name: "forward",
    model: "vit-l-14",
    settings: { batch: 8 },
  },
  {
    key: "text",
    title: "ViT-B/16 text features, batch 64",
    name: "text",
    model: "vit-b-16",
    settings: { batch: 64 },
  },
  {
    key: "opening",
    title: "opening ViT-B/16's image tower",
    name: "opening",
    model: "vit-b-16",
    settings: {},
    goal: 2,
  },
];

import type { TrainedMember, TrainedModel, TrainedParam } from "../../core/exchange/index.ts";
import { createGraph } from "../../core/graph/index.ts";
import { type CheckpointOverrides, openCheckpoint } from "../../core/models/checkpoint/folder.ts";
import { type ChosenPeft, classifier } from "../../core/models/classifier.ts";
import { frozenWeights } from "../../core/models/frozen-weights.ts";
import type { HeadType } from "../../core/models/heads/index.ts";
import { initParams } from "../../core/training/params.ts";
import { normalFrom, uniformFrom } from "../../core/training/random.ts";

export interface MemberSetting {
  /** Checkpoint folder. */
  readonly folder: string;
  readonly peft: readonly ChosenPeft[];
  readonly classes: number;
  readonly headType?: HeadType;
  readonly headScale?: number;
  readonly seed?: number;
  readonly label?: string;
  readonly overrides?: CheckpointOverrides;
}

/** A classifier as training could have left it: every parameter some way from where it started. */
export async function trainedMember(setting: MemberSetting): Promise<TrainedMember> {
  const { folder, peft, classes, headType = "cosine", headScale = 25, seed = 0, label = "clip" } = setting;
  const checkpoint = await openCheckpoint(folder, setting.overrides);
  const { locate, config } = checkpoint;
  const { channels, imageSize } = config.vision;
  const g = createGraph();
  const { params } = classifier(g, g.input("pixels", "float32", [1, channels, imageSize, imageSize]), {
    shape: config.vision,
    weights: frozenWeights(g, locate),
    locate,
    classes,
    peft,
    headType,
    headScale,
  });
  const specs = params.map(({ name, value: { shape }, init }) => ({ name, shape, init }));
  const values = await initParams(specs, seed);
  const trained = specs.map(({ name, shape }): [string, TrainedParam] => {
    const normal = normalFrom(uniformFrom("trained", seed, name));
    return [name, { shape, data: values.get(name)!.map((value) => value + 0.3 * normal()) }];
  });
  return {
    label,
    location: { kind: "folder", path: checkpoint.folder, ...setting.overrides },
    checkpoint,
    peft,
    headType,
    headScale,
    params: new Map(trained),
  };
}

/** Class names of a model with so many. */
export const someClasses = (classes: number): string[] =>
  Array.from({ length: classes }, (_, k) => `class ${k}`);

/** A trained model of one backbone. */
export async function trainedModel(setting: MemberSetting): Promise<TrainedModel> {
  return {
    label: "ce · clip · seed 0",
    classNames: someClasses(setting.classes),
    loss: { use: "ce", options: {} },
    members: [await trainedMember(setting)],
    strataPrior: [1],
  };
}

import { join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  importPeftFolder,
  type OnnxExportOptions,
  type TrainedMember,
  type TrainedModel,
} from "../../core/exchange/index.ts";
import { openCheckpoint } from "../../core/models/checkpoint/folder.ts";
import type { ChosenPeft } from "../../core/models/classifier.ts";
import type { PeftPlugin } from "../../core/plugin-api/index.ts";
import { plugin as backdoor } from "../../plugins/losses/backdoor/index.ts";
import { plugin as layerNorm } from "../../plugins/peft/layer-norm/index.ts";
import { plugin as lora } from "../../plugins/peft/lora/index.ts";

/** Committed checkpoints and adapter folders, which the references have run. */
export const EXCHANGE = fileURLToPath(new URL("../fixtures/exchange", import.meta.url));

const PEFT: Readonly<Record<string, unknown>> = { lora, "layer-norm": layerNorm };

export const methodNamed = (name: string): PeftPlugin => PEFT[name] as PeftPlugin;

/** Adapter folders that dualtail has written: what they adapt, and what on. */
export const OWN_FOLDERS = {
  lora: {
    base: "clip",
    seed: 1,
    headType: "cosine",
    peft: { use: "lora", options: { rank: 2, alpha: 3, modules: ["q", "v", "fc1", "fc2"], blocks: [1, 3] } },
  },
  "lora-half": {
    base: "clip-half",
    seed: 2,
    headType: "l2-normed",
    peft: { use: "lora", options: { rank: 3, alpha: 1, modules: ["q", "v"], blocks: [0, 3] } },
  },
  "layer-norm": {
    base: "clip",
    seed: 3,
    headType: "linear",
    peft: { use: "layer-norm", options: { blocks: [0, 3] } },
  },
  "layer-norm-half": {
    base: "clip-half",
    seed: 4,
    headType: "layer-normed",
    peft: { use: "layer-norm", options: { blocks: [1, 3] } },
  },
} as const;
export type OwnFolder = keyof typeof OWN_FOLDERS;

export const CLASSES = 5;

/** Where a base model is said to be: no path of a machine gets into a committed file. */
export const baseLocation = (base: string) =>
  ({ kind: "hub", repo: `example/${base}`, revision: "main" }) as const;

/** A committed folder as the model it was written from. */
export async function ownModel(name: OwnFolder): Promise<TrainedModel> {
  const { base } = OWN_FOLDERS[name];
  const checkpoint = await openCheckpoint(join(EXCHANGE, base));
  const { layers } = checkpoint.config.vision;
  const { method, options, params, shapes, head } = await importPeftFolder(join(EXCHANGE, name), { layers });
  const peft: ChosenPeft[] = [{ plugin: methodNamed(method), options }];
  const adapter = [...params].map(([name, data]) => [name, { data, shape: shapes.get(name)! }] as const);
  const { label, classNames, loss } = head!;
  const member: TrainedMember = {
    ...head!.backbone,
    checkpoint,
    peft,
    headType: head!.head.type,
    headScale: head!.head.scale,
    params: new Map([...adapter, ...head!.params]),
  };
  return { label, classNames, loss, members: [member], strataPrior: [1] };
}

/** Two models whose predictions are combined. */
async function combination(): Promise<TrainedModel> {
  const parts = [await ownModel("lora"), await ownModel("layer-norm-half")];
  const options = { mode: "post-hoc", space: "probability", tau: 1 };
  const recipe = backdoor.recipe(options as never);
  if (recipe.mode === "single") throw new TypeError("backdoor combines models");
  return {
    label: "combination",
    classNames: parts[0]!.classNames,
    loss: { use: backdoor.name, options },
    members: parts.flatMap(({ members }) => members),
    predict: recipe.predict,
    strataPrior: [0.25, 0.75],
  };
}

export interface OnnxCase {
  readonly model: () => Promise<TrainedModel>;
  readonly options: OnnxExportOptions;
}

/** ONNX files that the references have run. */
export const ONNX_CASES: Readonly<Record<string, OnnxCase>> = {
  lora: { model: () => ownModel("lora"), options: {} },
  "lora-half": { model: () => ownModel("lora-half"), options: {} },
  "lora-half-kept": { model: () => ownModel("lora-half"), options: { keepHalf: true } },
  "layer-norm": { model: () => ownModel("layer-norm"), options: {} },
  "layer-norm-half": { model: () => ownModel("layer-norm-half"), options: {} },
  "lora-nhwc": { model: () => ownModel("lora"), options: { preprocessing: "nhwc" } },
  "lora-nchw": { model: () => ownModel("lora"), options: { preprocessing: "nchw" } },
  "lora-external": { model: () => ownModel("lora"), options: { externalData: true } },
  combination: { model: combination, options: {} },
};

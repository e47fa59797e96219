import { dirname, join } from "node:path";
import { FileError } from "../../errors.ts";
import { type ClipCheckpoint, openCheckpoint } from "../../models/checkpoint/folder.ts";
import { readSafetensorsHeader, readTensor } from "../../models/checkpoint/safetensors.ts";
import type { ChosenStrata } from "../../models/heads/strata.ts";
import { type ResolveOptions, resolveCheckpoint } from "../../models/hub/fetch-checkpoint.ts";
import type {
  CheckpointLocation,
  LossPlugin,
  PeftPlugin,
  PostHocRecipe,
  SingleRecipe,
  StratumSource,
} from "../../plugin-api/index.ts";
import { readHead } from "../peft-folder/head.ts";
import { importPeftFolder } from "../peft-folder/import-peft.ts";
import { locateModel, type ModelPlace } from "./locate.ts";
import { MODEL_FILE, type ModelFile, readModelFile, type UsedPlugin } from "./model-file.ts";
import { readStrataFile, STRATA_FILE } from "./strata-file.ts";
import type { TrainedMember, TrainedModel, TrainedParam } from "./trained-model.ts";

/** Plugins by name. */
export interface PluginSource {
  /** @throws DualtailError when there is none */
  peft(name: string): PeftPlugin<never>;
  /** @throws DualtailError when there is none */
  loss(name: string): LossPlugin<never>;
  /** @throws DualtailError when there is none */
  strata(name: string): StratumSource<never>;
}

/** What a trained model is opened with. */
export type OpenModelOptions = ResolveOptions & { readonly plugins: PluginSource };

/**
 * Third-party plugins that the model at a place was made with.
 * @throws FileError when some of them are in no file: built-in ones of the same names would make another model
 */
export async function pluginsOf(place: ModelPlace): Promise<ModelFile["plugins"]> {
  if (place.kind === "peft") return { specifiers: [], baseDir: place.folder };
  const { plugins } = await readModelFile(place.modelFile);
  if (plugins.objects?.length) {
    const named = plugins.objects.join(", ");
    throw new FileError(place.modelFile, `is built with plugins that an application holds: ${named}`, {
      hint: "put them into a file that the config names under plugins, and run the comparison again",
    });
  }
  return plugins;
}

/**
 * Opens the model at a place that `locateModel` found: checkpoints are resolved and opened, trained parameters read.
 * @throws FileError, ConfigError
 */
export async function openTrainedModel(place: ModelPlace, options: OpenModelOptions): Promise<TrainedModel> {
  if (place.kind === "peft") return openPeftModel(place.folder, options);
  const file = await readModelFile(place.modelFile);
  const { label, classNames, loss, strataPrior } = file;
  const recipe = options.plugins.loss(loss.use).recipe(loss.options as never);
  if (recipe.mode === "post-hoc" && recipe.needs?.length)
    throw notSelfContained(place.modelFile, loss.use, recipe);
  const recipeStrata = recipe.mode === "single" ? recipe.strata : undefined;
  const members =
    file.combines.length > 0
      ? await combined(file, options)
      : await trained(file, place, recipeStrata, options);
  return {
    label,
    classNames,
    loss,
    members,
    strataPrior,
    ...(recipe.mode === "single" ? {} : { predict: recipe.predict }),
  };
}

/** Zero-shot logits and priors belong to a comparison's data and frozen models; a classifier file holds neither. */
const notSelfContained = (file: string, use: string, { base }: PostHocRecipe): FileError =>
  new FileError(
    file,
    `"${use}" predicts with zero-shot logits or priors, which an exported model does not hold`,
    {
      hint: base
        ? `export one of the "${base.use}" runs that it combines`
        : "there is nothing trained to export",
    },
  );

async function openPeftModel(folder: string, options: OpenModelOptions): Promise<TrainedModel> {
  const head = await readHead(folder);
  if (head === undefined) {
    throw new FileError(folder, "holds an adapter without a classifier", {
      hint: "fine-tune from it, or name a folder that dualtail export peft has written",
    });
  }
  const { label, classNames, loss, backbone } = head;
  const checkpoint = await openAt(backbone.location, options);
  const { layers } = checkpoint.config.vision;
  const { method, options: chosenOptions, params, shapes } = await importPeftFolder(folder, { layers });
  const adapter = [...params].map(([name, data]) => [name, { data, shape: shapes.get(name)! }] as const);
  const member: TrainedMember = {
    ...backbone,
    checkpoint,
    headType: head.head.type,
    headScale: head.head.scale,
    peft: [chosen({ use: method, options: chosenOptions }, options)],
    params: new Map([...adapter, ...head.params]),
  };
  return { label, classNames, loss, members: [member], strataPrior: [1] };
}

const openAt = async (location: CheckpointLocation, options: OpenModelOptions): Promise<ClipCheckpoint> =>
  openCheckpoint(await resolveCheckpoint(location, options), location);

async function combined(
  { combines, folder }: ModelFile & { readonly folder: string },
  options: OpenModelOptions,
): Promise<TrainedMember[]> {
  const members: TrainedMember[] = [];
  for (const other of combines) {
    const model = await openTrainedModel(await locateModel(join(folder, other)), options);
    members.push(...model.members);
  }
  return members;
}

async function trained(
  file: ModelFile & { readonly folder: string },
  { modelFile, paramsFile }: Extract<ModelPlace, { kind: "trained" }>,
  recipeStrata: SingleRecipe["strata"],
  options: OpenModelOptions,
): Promise<TrainedMember[]> {
  if (paramsFile === undefined) {
    throw new FileError(dirname(modelFile), `has ${MODEL_FILE} but no checkpoint`, {
      hint: "run the comparison again with --resume",
    });
  }
  const params = await readParams(paramsFile);
  const members: TrainedMember[] = [];
  for (const { label, location, prefix, head, peft } of file.members) {
    const checkpoint = await openAt(location, options);
    members.push({
      label,
      location,
      checkpoint,
      ...(recipeStrata ? { strata: await openStrata(file.folder, recipeStrata, checkpoint, options) } : {}),
      headType: head.type,
      headScale: head.scale,
      peft: peft.map((method) => chosen(method, options)),
      params: new Map(
        [...params]
          .filter(([name]) => name.startsWith(prefix))
          .map(([name, value]) => [name.slice(prefix.length), value]),
      ),
    });
  }
  return members;
}

/** @throws FileError when the strata are not there */
async function openStrata(
  folder: string,
  { use, options: chosenOptions, predict }: NonNullable<SingleRecipe["strata"]>,
  { config: { projectionDim }, logitScale }: ClipCheckpoint,
  { plugins }: OpenModelOptions,
): Promise<ChosenStrata> {
  const saved = await readStrataFile(folder);
  if (saved === undefined) {
    throw new FileError(folder, `was trained with strata (${use}) but has no ${STRATA_FILE}`, {
      hint: "name the folder of the cell, which the file belongs in, or run the comparison again with --resume",
    });
  }
  const zeroShot = { texts: saved.texts, projectionDim, scale: Math.exp(logitScale) };
  return {
    source: plugins.strata(use) as StratumSource,
    options: chosenOptions,
    found: saved.found,
    predict,
    zeroShot,
  };
}

const chosen = ({ use, options }: UsedPlugin, { plugins }: OpenModelOptions) => ({
  plugin: plugins.peft(use) as PeftPlugin,
  options,
});

async function readParams(file: string): Promise<Map<string, TrainedParam>> {
  const header = await readSafetensorsHeader(file);
  const params = new Map<string, TrainedParam>();
  for (const [name, { shape }] of header.tensors) {
    params.set(name, { shape, data: await readTensor(header, name) });
  }
  return params;
}

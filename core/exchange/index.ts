export type { ChosenPeft } from "../models/apply-peft.ts";
export type { SafetensorsDType } from "../models/checkpoint/dtypes.ts";
export type {
  ClipCheckpoint,
  ClipConfig,
  ClipTextConfig,
  ClipVisionConfig,
  LayoutName,
  Preprocessor,
  WeightStore,
} from "../models/checkpoint/folder.ts";
export type { Filter } from "../models/checkpoint/preprocessor-config.ts";
export type { SafetensorsEntry } from "../models/checkpoint/safetensors-header.ts";
export type { TextFeatures } from "../models/embed-texts.ts";
export type { LocateTensor, TensorLocation } from "../models/frozen-weights.ts";
export type { ChosenStrata, ZeroShotHead } from "../models/heads/strata.ts";
export type { ResolveOptions } from "../models/hub/fetch-checkpoint.ts";
export type { ImageTowerShape } from "../models/towers/image-tower.ts";
export type { LossDescription } from "./loss/description.ts";
export {
  encodeLoss,
  exportLoss,
  type LossExport,
  type LossExportOptions,
} from "./loss/export-loss.ts";
export { MLMODEL_FILE, type Mlmodel } from "./mlflow-model/mlmodel.ts";
export { type MlflowModel, writeMlflowModel } from "./mlflow-model/write.ts";
export { exportOnnx, type OnnxExport, type OnnxExportOptions } from "./onnx/export-onnx.ts";
export { LAYOUTS, type Layout } from "./onnx/pixels.ts";
export type { TensorSpec } from "./onnx/tensor-spec.ts";
export { exportPeftFolder } from "./peft-folder/export-peft.ts";
export type { FolderHead } from "./peft-folder/head.ts";
export { type ImportedPeft, importPeftFolder } from "./peft-folder/import-peft.ts";
export { locateModel, type ModelPlace } from "./trained-model/locate.ts";
export {
  MODEL_FILE,
  type ModelFile,
  type ModelFileMember,
  readModelFile,
  type UsedPlugin,
  writeModelFile,
} from "./trained-model/model-file.ts";
export {
  type OpenModelOptions,
  openTrainedModel,
  type PluginSource,
  pluginsOf,
} from "./trained-model/open.ts";
export {
  readStrataFile,
  type SavedStrata,
  STRATA_FILE,
  writeStrataFile,
} from "./trained-model/strata-file.ts";
export type { TrainedMember, TrainedModel, TrainedParam } from "./trained-model/trained-model.ts";

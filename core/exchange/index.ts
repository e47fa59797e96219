export { MLMODEL_FILE, type Mlmodel } from "./mlflow-model/mlmodel.ts";
export { type MlflowModel, relocatedMlmodel, writeMlflowModel } from "./mlflow-model/write.ts";
export { exportOnnx, type OnnxExport, type OnnxExportOptions } from "./onnx/export-onnx.ts";
export { LAYOUTS, type Layout } from "./onnx/pixels.ts";
export { exportPeftFolder } from "./peft-folder/export-peft.ts";
export { type ImportedPeft, importPeftFolder } from "./peft-folder/import-peft.ts";
export { locateModel, type ModelPlace } from "./trained-model/locate.ts";
export {
  MODEL_FILE,
  type ModelFile,
  type ModelFileMember,
  readModelFile,
  writeModelFile,
} from "./trained-model/model-file.ts";
export {
  type OpenModelOptions,
  openTrainedModel,
  type PluginSource,
  pluginsOf,
} from "./trained-model/open.ts";
export { readStrataFile, STRATA_FILE, writeStrataFile } from "./trained-model/strata-file.ts";
export type { TrainedMember, TrainedModel, TrainedParam } from "./trained-model/trained-model.ts";

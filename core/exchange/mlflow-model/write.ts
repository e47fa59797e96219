import { randomUUID } from "node:crypto";
import { basename, join } from "node:path";
import { writeAtomically } from "../../models/checkpoint/write-atomically.ts";
import { sharedPreprocessor } from "../onnx/classifier-graph.ts";
import { exportOnnx, type OnnxExportOptions } from "../onnx/export-onnx.ts";
import { describeModel } from "../trained-model/describe.ts";
import type { TrainedModel } from "../trained-model/trained-model.ts";
import { environmentFiles } from "./environment.ts";
import { inputExample } from "./input-example.ts";
import {
  EXAMPLE_FILE,
  MLMODEL_FILE,
  type Mlmodel,
  mlmodel,
  mlmodelText,
  ONNX_FILE,
  SERVING_EXAMPLE_FILE,
} from "./mlmodel.ts";

/** A written MLflow model. */
export interface MlflowModel {
  /** Names in the folder, with sizes in bytes. */
  readonly files: readonly { readonly path: string; readonly bytes: number }[];
  readonly mlmodel: Mlmodel;
}

/**
 * Writes a trained classifier as a folder that is an MLflow model of the ONNX flavor: what `mlflow.onnx.save_model`
 * writes, so that `mlflow.pyfunc.load_model` and `mlflow models serve` take it.
 * @returns undefined when its weights have more bytes than `largest`: then nothing is written
 * @throws as `exportOnnx`
 */
export async function writeMlflowModel(
  model: TrainedModel,
  folder: string,
  options: OnnxExportOptions = {},
): Promise<MlflowModel | undefined> {
  const { files, inputs, outputs } = await exportOnnx(model, join(folder, ONNX_FILE), options);
  if (files.length === 0) return undefined;
  const preprocessor = sharedPreprocessor(model, options.preprocessing);
  const example = Object.fromEntries(inputs.map((input) => [input.name, inputExample(input, preprocessor)]));
  const texts = {
    ...environmentFiles(),
    [EXAMPLE_FILE]: JSON.stringify(example),
    [SERVING_EXAMPLE_FILE]: JSON.stringify({ inputs: example }),
  };
  const sizes = files.map(({ path, bytes }) => ({ path: basename(path), bytes }));
  const write = async (path: string, text: string) => {
    const content = Buffer.from(text);
    await writeAtomically(join(folder, path), [content]);
    sizes.push({ path, bytes: content.byteLength });
  };
  for (const [path, text] of Object.entries(texts)) await write(path, text);
  const content = mlmodel({
    uuid: randomUUID().replaceAll("-", ""),
    created: new Date(),
    bytes: sizes.reduce((sum, { bytes }) => sum + bytes, 0),
    inputs,
    outputs,
    metadata: {
      class_names: model.classNames,
      preprocessing: preprocessor,
      model: describeModel(model),
    },
  });
  // Last: a folder with an MLmodel is complete.
  await write(MLMODEL_FILE, mlmodelText(content));
  return { files: sizes, mlmodel: content };
}

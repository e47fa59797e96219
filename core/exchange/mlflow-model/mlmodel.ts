import { stringify } from "yaml";
import type { TensorSpec } from "../onnx/tensor-spec.ts";
import { VERSIONS } from "./environment.ts";

export interface MlmodelInput {
  readonly uuid: string;
  readonly created: Date;
  readonly bytes: number;
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
  readonly metadata: Readonly<Record<string, unknown>>;
}

export const ONNX_FILE = "model.onnx";
/** Name of the file that makes a folder an MLflow model. */
export const MLMODEL_FILE = "MLmodel";
export const EXAMPLE_FILE = "input_example.json";
export const SERVING_EXAMPLE_FILE = "serving_input_example.json";

/** The content of an MLmodel file: what `mlflow.onnx.save_model` writes for the same model. */
export interface Mlmodel extends Readonly<Record<string, unknown>> {
  readonly flavors: Readonly<Record<string, unknown>>;
  readonly model_uuid: string;
  readonly utc_time_created: string;
}

export const mlmodel = ({ uuid, created, bytes, inputs, outputs, metadata }: MlmodelInput): Mlmodel => ({
  flavors: {
    onnx: {
      code: null,
      data: ONNX_FILE,
      onnx_session_options: null,
      onnx_version: VERSIONS.onnx,
      providers: ["CPUExecutionProvider"],
    },
    python_function: {
      data: ONNX_FILE,
      env: { conda: "conda.yaml", virtualenv: "python_env.yaml" },
      loader_module: "mlflow.onnx",
      python_version: VERSIONS.python,
    },
  },
  is_signature_from_type_hint: false,
  metadata,
  mlflow_version: VERSIONS.mlflow,
  model_id: null,
  model_size_bytes: bytes,
  model_uuid: uuid,
  prompts: null,
  saved_input_example_info: {
    artifact_path: EXAMPLE_FILE,
    serving_input_path: SERVING_EXAMPLE_FILE,
    type: "ndarray",
  },
  signature: { inputs: schema(inputs), outputs: schema(outputs), params: null },
  type_hint_from_example: false,
  utc_time_created: created.toISOString().replace("T", " ").replace("Z", "000"),
});

const schema = (specs: readonly TensorSpec[]): string =>
  JSON.stringify(
    specs.map(({ name, dtype, shape }) => ({ name, type: "tensor", "tensor-spec": { dtype, shape } })),
  );

/** PyYAML reads YAML 1.1, in which a class called no, unquoted, is false. */
export const mlmodelText = (content: Mlmodel): string =>
  stringify(content, {
    version: "1.1",
    defaultStringType: "QUOTE_DOUBLE",
    defaultKeyType: "PLAIN",
    lineWidth: 0,
  });

import { stringify } from "yaml";

/** What a model is said to be run with. Checked against real MLflow by `npm run mlflow-model`. */
export const VERSIONS = {
  python: "3.11.7",
  mlflow: "3.17.2",
  numpy: "2.4.6",
  onnx: "1.23.2",
  onnxruntime: "1.32.0",
} as const;

const REQUIREMENTS = (["mlflow", "numpy", "onnx", "onnxruntime"] as const).map(
  (name) => `${name}==${VERSIONS[name]}`,
);

/** For `--env-manager virtualenv` and `uv`, and for `conda`: files by name. */
export const environmentFiles = (): Readonly<Record<string, string>> => ({
  "requirements.txt": `${REQUIREMENTS.join("\n")}\n`,
  "python_env.yaml": stringify({
    python: VERSIONS.python,
    build_dependencies: ["pip", "setuptools", "wheel"],
    dependencies: ["-r requirements.txt"],
  }),
  "conda.yaml": stringify({
    channels: ["conda-forge"],
    dependencies: [`python=${VERSIONS.python}`, "pip", { pip: REQUIREMENTS }],
    name: "mlflow-env",
  }),
});

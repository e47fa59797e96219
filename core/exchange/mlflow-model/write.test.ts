import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { ONNX_CASES } from "../../../test/support/exchange-cases.ts";
import { temporaryFolder } from "../../../test/support/temporary-folder.ts";
import { writeMlflowModel } from "./write.ts";

const root = new URL("../../../", import.meta.url);
const FILES = [
  "MLmodel",
  "conda.yaml",
  "input_example.json",
  "model.onnx",
  "python_env.yaml",
  "requirements.txt",
  "serving_input_example.json",
];

interface Spec {
  readonly name: string;
  readonly type: string;
  readonly "tensor-spec": { readonly dtype: string; readonly shape: readonly number[] };
}

/** As Python's PyYAML would read it. */
const readYaml = (folder: string, file: string) =>
  parse(readFileSync(join(folder, file), "utf8"), { version: "1.1" });
const readJson = (folder: string, file: string) => JSON.parse(readFileSync(join(folder, file), "utf8"));
const flat = (value: unknown): number[] => (Array.isArray(value) ? value.flatMap(flat) : [value as number]);

async function written(name: string) {
  const folder = await temporaryFolder();
  const { model, options } = ONNX_CASES[name]!;
  const made = await writeMlflowModel(await model(), folder, options);
  return { folder, made: made! };
}

describe("an MLflow model folder", () => {
  it.each(["lora", "lora-nhwc", "lora-nchw", "lora-external", "combination"])(
    "of %s has the signature of its ONNX file, and an example that it runs",
    async (name) => {
      const { folder, made } = await written(name);
      const external = name === "lora-external" ? ["model.onnx.data"] : [];
      expect(readdirSync(folder).sort()).toEqual([...FILES, ...external].sort());
      expect(new Map(made.files.map(({ path, bytes }) => [path, bytes]))).toEqual(
        new Map(readdirSync(folder).map((file) => [file, statSync(join(folder, file)).size])),
      );
      const { signature, flavors, saved_input_example_info: saved } = readYaml(folder, "MLmodel");
      const [input, ...others] = JSON.parse(signature.inputs) as Spec[];
      const outputs = JSON.parse(signature.outputs) as Spec[];
      const { onnx, python_function: pyfunc } = flavors;
      expect([onnx.data, pyfunc.data, pyfunc.loader_module]).toEqual([
        "model.onnx",
        "model.onnx",
        "mlflow.onnx",
      ]);

      const session = await InferenceSession.create(join(folder, onnx.data), { intraOpNumThreads: 1 });
      expect([[input!.name], others, outputs.map((output) => output.name)]).toEqual([
        session.inputNames,
        [],
        session.outputNames,
      ]);
      const [declared] = session.inputMetadata;
      if (!declared?.isTensor) throw new Error("the input is no tensor");
      const { dtype, shape } = input!["tensor-spec"];
      expect([dtype, shape]).toEqual([
        declared.type,
        declared.shape.map((size) => (typeof size === "string" ? -1 : size)),
      ]);

      const example = readJson(folder, saved.artifact_path);
      expect(readJson(folder, saved.serving_input_path)).toEqual({ inputs: example });
      const numbers = flat(example[input!.name]);
      const dims = [1, ...shape.slice(1)];
      expect(numbers).toHaveLength(dims.reduce((product, size) => product * size, 1));
      expect(new Set(numbers).size).toBeGreaterThan(4);
      const tensor =
        dtype === "uint8"
          ? new Tensor("uint8", Uint8Array.from(numbers), dims)
          : new Tensor("float32", Float32Array.from(numbers), dims);
      const results = await session.run({ [input!.name]: tensor });
      for (const { name: output, "tensor-spec": spec } of outputs) {
        expect([results[output]!.type, results[output]!.dims]).toEqual([
          spec.dtype,
          [1, ...spec.shape.slice(1)],
        ]);
        expect([...(results[output]!.data as Float32Array)].every(Number.isFinite)).toBe(true);
      }
      await session.release();
    },
  );

  it("names the environment alike in every file, with the MLflow that dualtail starts", async () => {
    const { folder } = await written("lora");
    const requirements = readFileSync(join(folder, "requirements.txt"), "utf8").trim().split("\n");
    const conda = readYaml(folder, "conda.yaml");
    const { python } = readYaml(folder, "python_env.yaml");
    expect(conda.dependencies).toEqual([`python=${python}`, "pip", { pip: requirements }]);
    const read = (file: string) => readFileSync(new URL(file, root), "utf8");
    const pinned = `${read("core/tracking/managed/requirements.txt")}\n${read("scripts/reference/requirements.txt")}`;
    for (const requirement of requirements) expect(pinned.split("\n")).toContain(requirement);
    const { mlflow_version: mlflow, flavors } = readYaml(folder, "MLmodel");
    expect(requirements).toEqual(
      expect.arrayContaining([`mlflow==${mlflow}`, `onnx==${flavors.onnx.onnx_version}`]),
    );
    expect(flavors.python_function.python_version).toBe(python);
  });

  it("keeps class names that YAML would take for something else", async () => {
    const folder = await temporaryFolder();
    const model = await ONNX_CASES.lora!.model();
    const classNames = ["no", "1.5", "12:30", "~", 'a "quoted": #name\n'];
    await writeMlflowModel({ ...model, classNames }, folder);
    expect(readYaml(folder, "MLmodel").metadata.class_names).toEqual(classNames);
  });

  it("is left unwritten when it is too large", async () => {
    const folder = await temporaryFolder();
    const model = await ONNX_CASES.lora!.model();
    const whole = (await writeMlflowModel(model, folder))!;
    const { bytes } = whole.files.find(({ path }) => path === "model.onnx")!;
    const other = await temporaryFolder();
    // Weights are most of the file, not all.
    expect(await writeMlflowModel(model, other, { largest: Math.round(bytes / 4) })).toBeUndefined();
    expect(readdirSync(other)).toEqual([]);
    expect(await writeMlflowModel(model, other, { largest: bytes })).toBeDefined();
  });
});

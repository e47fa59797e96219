import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { environmentFiles } from "../../core/exchange/mlflow-model/environment.ts";
import { runProgram } from "../reference/environment.ts";

const VENV = fileURLToPath(new URL("../../.dualtail/mlflow-model-venv", import.meta.url));
/** Written last: an environment without it was interrupted. */
const COMPLETE = join(VENV, "complete.txt");

/**
 * A Python with what an exported model's requirements.txt names, made when it is first asked for.
 * DUALTAIL_MLFLOW_MODEL_PYTHON names another.
 */
export async function modelPython(): Promise<string> {
  const given = process.env.DUALTAIL_MLFLOW_MODEL_PYTHON;
  if (given) return given;
  const windows = process.platform === "win32";
  const python = join(VENV, windows ? "Scripts/python.exe" : "bin/python");
  const wanted = environmentFiles()["requirements.txt"]!;
  if ((await readFile(COMPLETE, "utf8").catch(() => "")) === wanted) return python;
  console.error(`installing the model's requirements into ${VENV}; some hundred megabytes, once`);
  await rm(VENV, { recursive: true, force: true });
  await mkdir(join(VENV, ".."), { recursive: true });
  await runProgram(windows ? "python" : "python3", ["-m", "venv", VENV]);
  await runProgram(python, ["-m", "pip", "install", "--quiet", ...wanted.trim().split("\n")]);
  await writeFile(COMPLETE, wanted);
  return python;
}

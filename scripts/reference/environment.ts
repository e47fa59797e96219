import { spawn } from "node:child_process";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const REQUIREMENTS = fileURLToPath(new URL("./requirements.txt", import.meta.url));
const VENV = fileURLToPath(new URL("../../.dualtail/reference-venv", import.meta.url));

/** Written last: an environment without it was interrupted. */
const COMPLETE = join(VENV, "complete.txt");

/** Runs a program with this terminal's output. @throws Error when it fails */
export function runProgram(
  command: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = process.env,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: "inherit", env });
    child.on("error", reject);
    child.on("close", (code) =>
      code === 0 ? resolve() : reject(new Error(`${command} ${args.join(" ")} ended with code ${code}`)),
    );
  });
}

/**
 * The Python that has the references (torch, transformers, open_clip, peft, torchvision; versions in requirements.txt),
 * in a virtual environment of its own that is made when it is first asked for. DUALTAIL_REFERENCE_PYTHON names another.
 */
export async function referencePython(): Promise<string> {
  const given = process.env.DUALTAIL_REFERENCE_PYTHON;
  if (given) return given;
  const python = join(VENV, process.platform === "win32" ? "Scripts/python.exe" : "bin/python");
  const wanted = await readFile(REQUIREMENTS, "utf8");
  if ((await readFile(COMPLETE, "utf8").catch(() => "")) === wanted) return python;
  console.error(`installing the references into ${VENV}; several gigabytes, once`);
  await rm(VENV, { recursive: true, force: true });
  await mkdir(join(VENV, ".."), { recursive: true });
  await runProgram(process.platform === "win32" ? "python" : "python3", ["-m", "venv", VENV]);
  await runProgram(python, ["-m", "pip", "install", "--quiet", "-r", REQUIREMENTS]);
  await writeFile(COMPLETE, wanted);
  return python;
}

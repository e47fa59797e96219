/**
 * Exports losses, compares them in Python with plain PyTorch, and runs the example that fine-tunes with Hugging Face peft:
 *
 *     npm run python-example
 *
 * Prints the largest relative differences from plain PyTorch in double, and those of plain PyTorch in the file's precision;
 * fails when one is above 1e-6 (float32) or 1e-12 (float64) and above twice plain PyTorch's own.
 */
import { spawnSync } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { exportLoss } from "../../core/exchange/index.ts";
import { listLosses } from "../../core/losses/index.ts";
import { referencePython, runProgram } from "../reference/environment.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const CLASSES = 40;
/** From 400 to 4 images. */
const COUNTS = Array.from({ length: CLASSES }, (_, k) => Math.round(400 * 100 ** (-k / (CLASSES - 1))));
const WEIGHTS = [0.5, 0.3, 0.2];

interface Case {
  readonly loss: string;
  readonly options?: Readonly<Record<string, unknown>>;
  readonly models?: number;
}
const CASES: readonly Case[] = [
  { loss: "ce" },
  { loss: "la" },
  { loss: "la", options: { tau: 1.5 } },
  { loss: "bs" },
  { loss: "gla-train" },
  { loss: "focal" },
  { loss: "ldam" },
  { loss: "cb" },
  { loss: "grw" },
  { loss: "lade" },
  // Trained on the same mixture, whatever the space of its prediction.
  { loss: "backdoor", options: { mode: "joint", space: "probability" }, models: 3 },
  { loss: "backdoor", options: { mode: "joint", space: "logit" }, models: 3 },
];

const python = await referencePython();
const folder = await mkdtemp(join(tmpdir(), "dualtail-python-"));
try {
  const plugins = new Map((await listLosses()).map((plugin) => [plugin.name, plugin]));
  const files: string[] = [];
  for (const floatType of ["float32", "float64"] as const) {
    for (const [i, { loss, options = {}, models = 1 }] of CASES.entries()) {
      const file = join(folder, `${i}-${loss}-${floatType}.onnx`);
      await exportLoss(plugins.get(loss)!, options, file, {
        classes: CLASSES,
        classCounts: COUNTS,
        models,
        floatType,
        ...(models > 1 ? { weights: WEIGHTS } : {}),
      });
      files.push(file);
    }
  }
  const cli = ["--import", "tsx", join(root, "core/cli/main.ts")];
  const wide = join(folder, "loss.onnx");
  const command = ["export-loss", "backdoor", "--classes", "1000", "--models", "3", "-o", wide];
  const made = spawnSync(process.execPath, [...cli, ...command], { stdio: ["ignore", "ignore", "inherit"] });
  if (made.status !== 0) throw new Error(`dualtail ${command.join(" ")} ended with code ${made.status}`);
  files.push(wide);

  const env = { ...process.env, PYTHONDONTWRITEBYTECODE: "1", OMP_NUM_THREADS: "1" };
  const cases = join(folder, "cases.json");
  await writeFile(cases, JSON.stringify({ counts: COUNTS, files }));
  await runProgram(python, [join(root, "scripts/python-example/compare.py"), cases], env);
  for (const file of [files[1]!, files[CASES.length - 1]!]) {
    await runProgram(
      python,
      [join(root, "examples/python/finetune_with_peft.py"), file, "--steps", "11"],
      env,
    );
  }
} finally {
  await rm(folder, { recursive: true });
}

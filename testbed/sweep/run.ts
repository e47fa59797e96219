import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { ComparisonResult } from "../../core/comparison/execution-types.ts";
import { partConfig, type SweepPart } from "./grid.ts";

export interface SweepOptions {
  /** Holds the towers; configs, run folders and results go there too. */
  readonly folder: string;
  /** The built command line, dist/core/cli/main.js. */
  readonly cli: string;
  readonly seeds: readonly number[];
  readonly epochs: number;
  readonly threads: number;
  readonly log: (line: string) => void;
}

/**
 * Runs the parts one after the other, each as a comparison of its own process; a part that has a result for the same
 * config is not run again, one that was stopped goes on where it was.
 * @returns the result of every part @throws Error when a comparison fails
 */
export async function runParts(
  parts: readonly SweepPart[],
  options: SweepOptions,
): Promise<{ readonly part: SweepPart; readonly result: ComparisonResult }[]> {
  const done = [];
  for (const part of parts) {
    done.push({ part, result: await runPart(part, options) });
    options.log(`${part.name}: done (${done.length} of ${parts.length})`);
  }
  return done;
}

async function runPart(part: SweepPart, options: SweepOptions): Promise<ComparisonResult> {
  const { folder, cli, threads } = options;
  const config = join(folder, `${part.name}.yaml`);
  const resultFile = join(folder, `${part.name}.result.json`);
  const output = join(folder, "runs", part.name);
  const text = partConfig(part, options);
  const same = existsSync(config) && (await readFile(config, "utf8")) === text;
  if (same && existsSync(resultFile)) {
    return JSON.parse(await readFile(resultFile, "utf8")) as ComparisonResult;
  }
  await mkdir(output, { recursive: true });
  await writeFile(config, text);
  const newest = same ? (await readdir(output)).sort().at(-1) : undefined;
  const resume = newest === undefined ? [] : ["--resume", join(output, newest)];
  const args = [cli, "compare", config, "--json", "--quiet", "--threads", `${threads}`, "--output", output];
  const printed = await printedBy([...args, ...resume], folder);
  await writeFile(`${resultFile}.tmp`, printed);
  await rename(`${resultFile}.tmp`, resultFile);
  return JSON.parse(printed) as ComparisonResult;
}

/** Standard output of a Node process; its messages go to ours. */
function printedBy(args: readonly string[], cwd: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { cwd, stdio: ["ignore", "pipe", "inherit"] });
    let printed = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      printed += text;
    });
    child.once("error", reject);
    child.once("close", (code) => {
      if (code === 0) resolve(printed);
      else reject(new Error(`${args.join(" ")} ended with ${code}`));
    });
  });
}

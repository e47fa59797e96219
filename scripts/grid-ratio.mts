/**
 * What a grid saves: wall-clock seconds of one comparison over those of its rows as comparisons of their own (a loss, a
 * seed, the backbones that it needs), each in a fresh process with empty caches, tracked on disk.
 *
 *     npm run grid-ratio -- [--config examples/ablation.yaml] [--seeds 0] [--epochs 1] [--losses ce,la] [--classes 12]
 *                           [--threads 2] [--shared-cache]
 *
 * `--shared-cache`: the separate comparisons use one cache folder, empty at first, as those of one user would: rendered
 * data and frozen outputs are then made once. Counted against the ratio: a process's start is in neither time, the grid runs first (with the cold file cache), and
 * rows that come with others, zero-shot ones and bases that the config does not list, are no comparisons of their own.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { availableParallelism, cpus, tmpdir } from "node:os";
import { resolve as absolute, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { parse } from "yaml";
import { parseConfigDocument, pluginsNamedBy, validateConfig } from "../core/comparison/config/index.ts";
import { executeComparison } from "../core/comparison/execute.ts";
import { type Cell, planComparison } from "../core/comparison/plan/index.ts";
import { createContainer, resolve } from "../core/container/index.ts";
import { silentReporter } from "../core/container/reporter.ts";
import { openDiskTracker } from "../core/tracking/index.ts";

type Config = Readonly<Record<string, unknown>>;

/** One comparison for a process of its own. */
interface Job {
  readonly config: Config;
  readonly baseDir: string;
  /** Holds what it writes: runs, journal, `result.json`. */
  readonly folder: string;
  readonly cacheDir: string;
}

interface Result {
  readonly seconds: number;
  /** Overall accuracy by cell id. */
  readonly accuracies: Readonly<Record<string, number>>;
}

const { values: args } = parseArgs({
  options: {
    config: { type: "string", default: "examples/ablation.yaml" },
    seeds: { type: "string", default: "0" },
    epochs: { type: "string" },
    losses: { type: "string" },
    classes: { type: "string" },
    threads: { type: "string", default: String(availableParallelism()) },
    "shared-cache": { type: "boolean", default: false },
    job: { type: "string" },
  },
});

if (args.job === undefined) await main();
else await runJob(JSON.parse(await readFile(args.job, "utf8")) as Job);

async function planOf(config: Config, baseDir: string) {
  const text = JSON.stringify(config);
  const document = parseConfigDocument(text, "config", baseDir);
  const container = await createContainer({ plugins: pluginsNamedBy(document), baseDir });
  const registry = resolve(container, "registry");
  const checked = validateConfig(document, registry);
  return { config: checked, registry, text, plan: planComparison(checked, registry) };
}

async function runJob({ config: given, baseDir, folder, cacheDir }: Job): Promise<void> {
  const started = performance.now();
  const { config, registry, text, plan } = await planOf(given, baseDir);
  const { rows, failed } = await executeComparison({
    config,
    plan,
    registry,
    baseDir,
    openTracker: (experiment) => openDiskTracker({ root: join(folder, "journal"), experiment }),
    trackingDescription: "disk",
    reporter: { ...silentReporter, warn: (line) => console.error(line) },
    signal: new AbortController().signal,
    outputDir: join(folder, "runs"),
    cacheDir,
    rerun: true,
    configSource: text,
  });
  const seconds = (performance.now() - started) / 1000;
  if (failed.length > 0) throw new Error(failed.map(({ label, reason }) => `${label}: ${reason}`).join("; "));
  const accuracies = Object.fromEntries(rows.map(({ cell, metrics }) => [cell, metrics["test/overall"]!]));
  await writeFile(join(folder, "result.json"), JSON.stringify({ seconds, accuracies } satisfies Result));
}

/** Runs a comparison in a fresh process and a fresh folder; with empty caches unless given some. */
async function timed(config: Config, baseDir: string, cache?: string): Promise<Result> {
  const folder = await mkdtemp(join(tmpdir(), "dualtail-grid-"));
  try {
    const file = join(folder, "job.json");
    const cacheDir = cache ?? join(folder, "cache");
    await writeFile(file, JSON.stringify({ config, baseDir, folder, cacheDir } satisfies Job));
    const own = fileURLToPath(import.meta.url);
    const child = spawn(process.execPath, [...process.execArgv, own, "--job", file], {
      stdio: ["ignore", 2, 2],
    });
    const [code] = (await once(child, "close")) as [number | null];
    if (code !== 0) throw new Error(`a comparison ended with code ${code}`);
    return JSON.parse(await readFile(join(folder, "result.json"), "utf8")) as Result;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The config of one row alone, and its cell there: the same work, of the same runs. */
async function alone(config: Config, cell: Cell, baseDir: string): Promise<{ config: Config; cell: Cell }> {
  const { recipe, loss, backbones, dependsOn } = cell;
  // As many as in the grid, where that follows from the number of backbones.
  const overSeeds = recipe.mode === "post-hoc" && recipe.over === "seeds";
  const own = {
    ...config,
    backbones: backbones.map(({ name, label, options }) => ({ use: name, label, ...options })),
    losses: [
      {
        use: loss.name,
        label: loss.label,
        ...loss.options,
        ...(overSeeds ? { runs: dependsOn.length } : {}),
      },
    ],
    seeds: [cell.seed],
  };
  const { plan } = await planOf(own, baseDir);
  const row = plan.cells.find(({ implied }) => !implied);
  const same = row && String(row.dependsOn) === String(dependsOn) && (overSeeds || row.id === cell.id);
  if (!same) throw new Error(`${cell.label}: it would be another cell in a comparison of its own`);
  return { config: own, cell: row };
}

async function main(): Promise<void> {
  const baseDir = dirname(absolute(args.config));
  const base = parse(await readFile(args.config, "utf8")) as Config;
  const list = (text: string) => text.split(",").map((item) => item.trim());
  const dataset = typeof base.dataset === "string" ? { use: base.dataset } : (base.dataset as Config);
  const nameOf = (loss: unknown) =>
    typeof loss === "string" ? loss : String((loss as Config).label ?? (loss as Config).use);
  const wanted = args.losses === undefined ? undefined : list(args.losses);
  const config: Config = {
    ...base,
    dataset: { ...dataset, ...(args.classes === undefined ? {} : { classes: Number(args.classes) }) },
    losses: (base.losses as unknown[]).filter(
      (loss) => wanted === undefined || wanted.includes(nameOf(loss)),
    ),
    seeds: list(args.seeds).map(Number),
    train: {
      ...(base.train as Config | undefined),
      ...(args.epochs === undefined ? {} : { epochs: Number(args.epochs) }),
    },
    threads: Number(args.threads),
  };
  const { plan } = await planOf(config, baseDir);
  const rows = plan.cells.filter(({ implied }) => !implied);
  const separate = [];
  for (const cell of rows) separate.push(await alone(config, cell, baseDir));
  console.error(`grid: ${plan.cells.length} cells`);
  const grid = await timed(config, baseDir);
  console.error(`grid: ${grid.seconds.toFixed(1)} s`);

  const shared = args["shared-cache"] ? await mkdtemp(join(tmpdir(), "dualtail-grid-cache-")) : undefined;
  let [sum, equal] = [0, 0];
  const lines: string[] = [];
  for (const [i, cell] of rows.entries()) {
    const own = separate[i]!;
    const { seconds, accuracies } = await timed(own.config, baseDir, shared);
    sum += seconds;
    equal += Number(accuracies[own.cell.id] === grid.accuracies[cell.id]);
    lines.push(`| ${cell.label} | ${seconds.toFixed(1)} |`);
    console.error(`${i + 1}/${rows.length} ${cell.label}: ${seconds.toFixed(1)} s`);
  }
  if (shared !== undefined) await rm(shared, { recursive: true, force: true });
  const caches = shared === undefined ? "empty caches" : "one cache folder";
  const title = `${args.config}, seeds ${args.seeds}, ${args.threads} threads, ${caches}, ${cpus()[0]!.model}, Node ${process.version}`;
  console.log(
    `${title}\n\n| row, as a comparison of its own | seconds |\n| --- | ---: |\n${lines.join("\n")}\n`,
  );
  console.log(`grid: ${grid.seconds.toFixed(1)} s`);
  console.log(`separate: ${sum.toFixed(1)} s, the sum of ${rows.length} comparisons`);
  console.log(`ratio: ${(grid.seconds / sum).toFixed(3)}`);
  console.log(`rows with the grid's accuracy, to the bit: ${equal} of ${rows.length}`);
}

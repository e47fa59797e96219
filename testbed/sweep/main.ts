import { mkdir, writeFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { consoleContext } from "../console-context.ts";
import { buildTowers } from "./build-towers.ts";
import { parts, type Ratio, ratios } from "./grid.ts";
import { sweepReport } from "./report.ts";
import { runParts } from "./run.ts";
import { sweepRows } from "./summary.ts";
import { towers } from "./towers.ts";

// Parameter imbalance × data imbalance. Pre-trains the towers that are missing, runs the comparisons that have no
// result, prints the report: npm run sweep [-- --towers flat,strong-aligned] [--ratios 1,100] [--seeds 0,1] [--write]
const { values: args } = parseArgs({
  options: {
    towers: { type: "string" },
    "towers-only": { type: "boolean", default: false },
    ratios: { type: "string", default: ratios.join(",") },
    seeds: { type: "string", default: "0,1,2" },
    epochs: { type: "string", default: "4" },
    threads: { type: "string", default: String(availableParallelism()) },
    write: { type: "boolean", default: false },
  },
});
const root = fileURLToPath(new URL("../../", import.meta.url));
const folder = join(root, ".dualtail", "sweep");
const threads = Number(args.threads);
const log = (line: string) => console.error(line);

const list = (text: string) => text.split(",").map((item) => item.trim());
function known<T>(given: readonly T[], there: readonly T[], what: string): readonly T[] {
  const unknown = given.filter((item) => !there.includes(item));
  if (unknown.length === 0) return given;
  throw new Error(`no such ${what}: ${unknown.join(", ")}; there are ${there.join(", ")}`);
}

const names = towers.map(({ name }) => name);
const wanted = args.towers === undefined ? names : known(list(args.towers), names, "tower");
await mkdir(folder, { recursive: true });
await buildTowers(
  towers.filter(({ name }) => wanted.includes(name)),
  folder,
  consoleContext(root),
  { epochs: 20, batchSize: 256, lr: 1e-3, warmup: 100, weightDecay: 0.1, seed: 0, threads, log },
);
if (!args["towers-only"]) {
  const chosen = known(list(args.ratios).map(Number), ratios, "ratio") as readonly Ratio[];
  const results = await runParts(parts(chosen), {
    folder,
    cli: join(root, "dist", "core", "cli", "main.js"),
    seeds: list(args.seeds).map(Number),
    epochs: Number(args.epochs),
    threads,
    log,
  });
  const flags = `--ratios ${chosen.join(",")} --seeds ${args.seeds}`;
  const report = sweepReport(sweepRows(results), `npm run sweep -- ${flags}`);
  if (args.write) await writeFile(join(root, "docs", "sweep.md"), report);
  console.log(report);
}

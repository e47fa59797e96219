import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { createGraph } from "../core/graph/index.ts";
import { openCheckpoint } from "../core/models/checkpoint/folder.ts";
import { frozenWeights } from "../core/models/frozen-weights.ts";
import { imageTower, projectImage } from "../core/models/towers/index.ts";
import { type CompileOptions, compile } from "../core/runtime/index.ts";
import { median } from "./median.ts";

const FOLDER = fileURLToPath(new URL("../.dualtail/bench-models/vit-b-16", import.meta.url));

const VARIANTS: Readonly<Record<string, CompileOptions>> = {
  "as the comparison opens it": { threads: 2, prepack: false },
  "weights laid out": { threads: 2 },
  "one thread": { threads: 1, prepack: false },
  "graph not optimised": { threads: 2, prepack: false, optimize: "none" },
  "memory given back": { threads: 2, prepack: false, lowMemory: true },
};

/** Milliseconds of each part of opening ViT-B/16's image tower: checkpoint, graph, session, release. */
async function parts(options: CompileOptions): Promise<number[]> {
  const times = [performance.now()];
  const lap = () => times.push(performance.now());
  const { config, locate } = await openCheckpoint(FOLDER);
  lap();
  const { vision, projectionDim } = config;
  const g = createGraph();
  const pixels = g.input("pixels", "float32", [1, 3, vision.imageSize, vision.imageSize]);
  const weights = frozenWeights(g, locate);
  const features = projectImage(g, imageTower(g, vision, weights, pixels), weights, projectionDim);
  lap();
  const program = await compile(g, { features }, options);
  lap();
  await program.release();
  lap();
  return times.slice(1).map((time, i) => time - times[i]!);
}

/** `npm run bench -- --opening`: where the time goes once Node is warm, and what it depends on. Variants take turns. */
export async function benchOpening(argv: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...argv],
    options: { opening: { type: "boolean" }, repeats: { type: "string", default: "15" } },
  });
  const measured = Object.keys(VARIANTS).map((name) => ({ name, runs: [] as number[][] }));
  for (const { name } of measured) await parts(VARIANTS[name]!);
  for (let round = 0; round < Number(values.repeats); round++) {
    for (const { name, runs } of measured) runs.push(await parts(VARIANTS[name]!));
  }
  console.log("ms: checkpoint, graph, session, release; in all");
  for (const { name, runs } of measured) {
    const medians = [0, 1, 2, 3].map((part) => median(runs.map((run) => run[part]!)).toFixed(1));
    const all = median(runs.map((run) => run.reduce((sum, part) => sum + part, 0))).toFixed(1);
    console.log(`${name}: ${medians.join(", ")}; ${all}`);
  }
}

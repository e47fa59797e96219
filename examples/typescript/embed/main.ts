// An application with dualtail inside: its own data, loss, executor, log and tracker; two comparisons at the same time.
import { fileURLToPath } from "node:url";
import {
  compare,
  createContainer,
  type ExecuteComparison,
  executeComparison,
  type Reporter,
  runScope,
} from "dualtail";
import { memoryTracking } from "./memory-tracker.ts";
import { shapes } from "./shapes.ts";
import { smoothed } from "./smoothed.ts";

// Any CLIP checkpoint; this small one is part of dualtail.
const clip = fileURLToPath(new URL("testbed/clip", import.meta.resolve("dualtail/package.json")));
const outputDir = process.argv[2] ?? "runs";

/** An executor of our own: the built-in one, which is told to somebody first. */
const executor: ExecuteComparison = (options) => {
  options.reporter.line(`${options.plan.cells.length} cells to train`);
  return executeComparison(options);
};

const container = await createContainer({ plugins: [shapes], replace: [smoothed], executor });

/** A logger of our own. */
const logger = (name: string): Reporter => ({
  stage(label, total, unit) {
    console.log(`[${name}] ${label}: ${total} ${unit}`);
    return { advance() {}, done() {} };
  },
  line: (text) => console.log(`[${name}] ${text}`),
  warn: (text) => console.warn(`[${name}] warning: ${text}`),
});

async function run(name: string, imbalance: number) {
  const { tracking, runs } = memoryTracking();
  const scope = runScope(container, { tracking, reporter: logger(name) });
  const config = {
    experiment: name,
    dataset: { use: "shapes", imbalance },
    backbones: [{ use: "clip", folder: clip }],
    peft: { use: "adaptformer", bottleneck: 8 },
    // "ce" is the application's: the built-in one has no option `smoothing`.
    losses: [{ use: "ce", smoothing: 0.2 }, "la"],
    train: { epochs: 3, batchSize: 16, augment: { crop: "center", flip: false } },
    threads: 1,
  };
  const result = await compare(config, { container: scope, outputDir });
  return { name, result, runs };
}

// Together: neither sees the other's tracker or logger.
const finished = await Promise.all([run("balanced", 1), run("long-tailed", 16)]);

for (const { name, result, runs } of finished) {
  console.log(`\n${name}, ${runs.size} runs in memory\n${result.tableText}`);
}

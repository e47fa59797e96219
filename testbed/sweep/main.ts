import { availableParallelism } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { consoleContext } from "../console-context.ts";
import { buildTowers } from "./build-towers.ts";
import { towers } from "./towers.ts";

// Pre-trains the sweep's towers: npm run sweep:towers [-- --only flat,strong-aligned] [--threads 1]
const { values: args } = parseArgs({
  options: {
    only: { type: "string" },
    epochs: { type: "string", default: "20" },
    threads: { type: "string", default: String(availableParallelism()) },
  },
});
const root = fileURLToPath(new URL("../../", import.meta.url));
const only = args.only?.split(",");
const unknown = only?.filter((name) => !towers.some((tower) => tower.name === name)) ?? [];
if (unknown.length > 0) {
  throw new Error(
    `no such tower: ${unknown.join(", ")}; there are ${towers.map(({ name }) => name).join(", ")}`,
  );
}
await buildTowers(
  towers.filter(({ name }) => !only || only.includes(name)),
  join(root, ".dualtail", "sweep"),
  consoleContext(root),
  {
    epochs: Number(args.epochs),
    batchSize: 256,
    lr: 1e-3,
    warmup: 100,
    weightDecay: 0.1,
    seed: 0,
    threads: Number(args.threads),
    log: (line) => console.log(line),
  },
);

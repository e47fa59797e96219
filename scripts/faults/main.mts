/**
 * Tracks real runs against a real MLflow server while one thing after the other is broken, and holds what the server
 * shows in the end against what was tracked: `npm run faults [-- --only a,b] [--seed 1] [--json] [--write]`.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { createMlflowClient } from "../../core/mlflow-js-client/index.ts";
import { startManagedMlflow } from "../../core/tracking/index.ts";
import { MLFLOW_HOME } from "../../test/support/mlflow-global-setup.ts";
import { cases } from "./cases.mts";
import { type Cost, measureCosts } from "./cost.mts";
import type { Outcome } from "./outcome.mts";
import { describe, writeReport } from "./report.mts";
import { canMount } from "./small-disk.mts";

const { values } = parseArgs({
  options: {
    only: { type: "string" },
    seed: { type: "string", default: "1" },
    json: { type: "boolean", default: false },
    write: { type: "boolean", default: false },
  },
});
const seed = Number(values.seed);
const only = values.only?.split(",");
const names = [...cases.map(({ name }) => name), "cost"];
const unknown = only?.find((name) => !names.includes(name));
if (unknown !== undefined) {
  console.error(`there is no case "${unknown}"; there are ${names.join(", ")}`);
  process.exit(2);
}
if (only !== undefined && values.write) {
  console.error("--write replaces all rows: leave --only out");
  process.exit(2);
}

const dataDir = await mkdtemp(join(tmpdir(), "dualtail-faults-mlflow-"));
const server = await startManagedMlflow({
  home: MLFLOW_HOME,
  dataDir,
  onProgress: (line) => console.error(line),
});
const outcomes: Outcome[] = [];
let costs: readonly Cost[] = [];
try {
  const client = createMlflowClient({ trackingUri: server.uri });
  const mounting = await canMount();
  for (const { name, mounts, run } of cases) {
    if (only && !only.includes(name)) continue;
    if (mounts && !mounting) {
      console.error(`${name}: left out, this user may not mount a file system`);
      continue;
    }
    console.error(`${name} …`);
    const outcome = await run({ client, seed });
    for (const problem of outcome.problems) console.error(`  ${problem}`);
    outcomes.push(outcome);
  }
  if (only === undefined || only.includes("cost")) {
    console.error("cost …");
    costs = await measureCosts(server.uri);
  }
} finally {
  await server.stop();
  await rm(dataDir, { recursive: true, force: true });
}
console.log(values.json ? JSON.stringify({ outcomes, costs }, null, 2) : describe(outcomes, costs));
if (values.write) writeReport(describe(outcomes, costs), seed);
process.exitCode = outcomes.some(({ problems }) => problems.length > 0) ? 1 : 0;

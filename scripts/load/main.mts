/**
 * A real `dualtail serve` and a real MLflow server under load and under requests that mean harm:
 * `npm run load [-- --only clients,cells,hostile] [--requests 1000] [--clients 8] [--json] [--write]`.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { startManagedMlflow } from "../../core/tracking/index.ts";
import { MLFLOW_HOME } from "../../test/support/mlflow-global-setup.ts";
import { cells } from "./cells-case.mts";
import { clients } from "./clients-case.mts";
import { hostile } from "./hostile-case.mts";
import type { Outcome } from "./outcome.mts";
import type { CaseContext } from "./place.mts";
import { describe, writeReport } from "./report.mts";

const { values } = parseArgs({
  options: {
    only: { type: "string" },
    requests: { type: "string", default: "1000" },
    clients: { type: "string", default: "8" },
    json: { type: "boolean", default: false },
    write: { type: "boolean", default: false },
  },
});
const cases: Readonly<Record<string, (context: CaseContext) => Promise<Outcome>>> = {
  clients: (context) => clients(context, Number(values.requests), Number(values.clients)),
  cells,
  hostile,
};
const only = values.only?.split(",");
const unknown = only?.find((name) => !Object.hasOwn(cases, name));
if (unknown !== undefined) {
  console.error(`there is no case "${unknown}"; there are ${Object.keys(cases).join(", ")}`);
  process.exit(2);
}
if (only !== undefined && values.write) {
  console.error("--write replaces all tables: leave --only out");
  process.exit(2);
}

const dataDir = await mkdtemp(join(tmpdir(), "dualtail-load-mlflow-"));
const line = (text: string) => console.error(text);
const server = await startManagedMlflow({ home: MLFLOW_HOME, dataDir, onProgress: line });
const outcomes: Outcome[] = [];
try {
  for (const [name, run] of Object.entries(cases)) {
    if (only && !only.includes(name)) continue;
    line(`${name} …`);
    const outcome = await run({ mlflowUri: server.uri, line });
    for (const problem of outcome.problems) line(`  ${problem}`);
    outcomes.push(outcome);
  }
} finally {
  await server.stop();
  await rm(dataDir, { recursive: true, force: true });
}
console.log(values.json ? JSON.stringify(outcomes, null, 2) : describe(outcomes));
if (values.write) writeReport(describe(outcomes));
process.exitCode = outcomes.some(({ problems }) => problems.length > 0) ? 1 : 0;

import path from "node:path";
import { describeError } from "../../errors.ts";
import { createMlflowClient, MlflowError } from "../../mlflow-js-client/index.ts";
import { type RunState, readRunStates } from "../../tracking/index.ts";
import { EXIT, type Host } from "../host.ts";
import { journalFolder } from "../tracking.ts";

export interface StatusFlags {
  readonly json?: boolean;
}

/** Shows what of the runs kept on disk a server has. */
export async function statusCommand(
  host: Host,
  folder: string | undefined,
  { json }: StatusFlags,
): Promise<number> {
  const root = folder === undefined ? journalFolder(host.cwd) : path.resolve(host.cwd, folder);
  const problems: Error[] = [];
  const runs = await readRunStates(root, (problem) => problems.push(problem));
  host.print(json ? JSON.stringify(runs, null, 2) : describe(runs, root, configuredServer(host)));
  const reporter = host.reporter({});
  for (const problem of problems) reporter.warn(describeError(problem));
  return problems.length > 0 ? EXIT.failure : 0;
}

/** Address of the server that is named, as it is kept beside journals; undefined for none. */
function configuredServer({ env }: Host): string | undefined {
  const trackingUri = env.MLFLOW_TRACKING_URI?.trim();
  if (!trackingUri) return undefined;
  try {
    return createMlflowClient({ trackingUri }).baseUrl;
  } catch (error) {
    // No address, and it may hold a password.
    if (error instanceof MlflowError) return undefined;
    throw error;
  }
}

function describe(runs: readonly RunState[], root: string, configured: string | undefined): string {
  if (runs.length === 0) return `No runs in ${root}`;
  const rows = [
    ["run", "state", "events", "delivered", "artifacts left", "rejected"],
    ...runs.map((run) => [
      run.name,
      stateText(run),
      ...[run.events, run.delivered, run.artifactsLeft, run.rejected].map(String),
    ]),
  ];
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const table = rows.map((row) =>
    row
      .map((text, column) => (column < 2 ? text.padEnd(widths[column]!) : text.padStart(widths[column]!)))
      .join("  "),
  );
  const errors = new Set(runs.flatMap(({ lastError }) => (lastError === undefined ? [] : [lastError])));
  const left = runs.some(({ events, delivered, deleted }) => delivered < events && !deleted);
  return [
    ...table,
    ...[...errors].map((error) => `Last error: ${error}`),
    ...deliveredTo(runs, root, configured),
    ...(left ? [`Upload what is left: npx dualtail sync ${root}`] : []),
  ].join("\n");
}

const stateText = ({ state, elsewhere, deleted }: RunState): string =>
  [
    elsewhere === undefined ? state : `${state} on ${elsewhere}`,
    ...(deleted ? ["deleted on the server"] : []),
  ].join(", ");

/** "Delivered" is about one server; which, where it is not the one that is named now. */
function deliveredTo(runs: readonly RunState[], root: string, configured: string | undefined): string[] {
  if (configured === undefined) return [];
  const others = new Map<string, number>();
  for (const { server, delivered } of runs) {
    if (server === undefined || server === configured || delivered === 0) continue;
    others.set(server, (others.get(server) ?? 0) + 1);
  }
  return [...others].map(
    ([server, count]) =>
      `${count} of these runs ${count === 1 ? "was" : "were"} delivered to ${server}, not to ${configured}; also there: npx dualtail sync ${root}`,
  );
}

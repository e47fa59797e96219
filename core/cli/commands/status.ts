import path from "node:path";
import { type RunState, readRunStates } from "../../tracking/index.ts";
import type { Host } from "../host.ts";
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
  const runs = await readRunStates(root);
  host.print(json ? JSON.stringify(runs, null, 2) : describe(runs, root));
  return 0;
}

function describe(runs: readonly RunState[], root: string): string {
  if (runs.length === 0) return `No runs in ${root}`;
  const rows = [
    ["run", "state", "events", "delivered", "artifacts left", "rejected"],
    ...runs.map((run) => [
      run.name,
      run.deleted ? `${run.state}, deleted on the server` : run.state,
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
    ...(left ? [`Upload what is left: npx dualtail sync ${root}`] : []),
  ].join("\n");
}

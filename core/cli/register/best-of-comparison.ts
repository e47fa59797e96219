import { readdir } from "node:fs/promises";
import path from "node:path";
import type { ComparisonResult, ResultRow } from "../../comparison/execution-types.ts";
import type { Reporter } from "../../container/reporter.ts";
import { DualtailError } from "../../errors.ts";
import type { MlflowClient, ModelVersion } from "../../mlflow-js-client/index.ts";
import { TrackingError } from "../../tracking/index.ts";
import { UsageError } from "../failure.ts";
import type { Host } from "../host.ts";
import { type Decision, promote } from "./promote.ts";
import { publish } from "./publish.ts";
import { findSource } from "./source.ts";

/** The alias that a comparison moves. */
export const BEST = "best";
const ACCURACY = "test/overall";

/** What became of a comparison's best model. */
export interface Registered {
  readonly label: string;
  readonly name: string;
  readonly version: string;
  /** Whether the version is new. */
  readonly made: boolean;
  readonly alias: { readonly name: string } & Decision;
  /** Page of the version. */
  readonly url: string;
}

/**
 * Makes the model of the comparison's most accurate row that has one a version, and decides who is best.
 * @throws UsageError when no row has one; TrackingError
 */
export async function registerBest(
  host: Host,
  client: MlflowClient,
  result: ComparisonResult,
  { name, reporter, quiet }: { readonly name: string; readonly reporter: Reporter; readonly quiet?: boolean },
): Promise<Registered> {
  for (const row of candidates(result.rows)) {
    const published = await publishRow(host, client, result.folder, row, { name, reporter, quiet });
    if (published === undefined) continue;
    const { version, made } = published;
    const decision = await promote(client, version, BEST);
    const url = versionUrl(client, version);
    const alias = { name: BEST, ...decision };
    return { label: row.label, name, version: version.version, made, alias, url };
  }
  throw new UsageError("no row of the comparison has a model that could be registered");
}

export const versionUrl = ({ baseUrl }: MlflowClient, { name, version }: ModelVersion): string =>
  `${baseUrl}/#/models/${encodeURIComponent(name)}/versions/${version}`;

/** For a person: what was registered and where. */
export const registeredText = ({ label, name, version, made, alias, url }: Registered): string =>
  [
    `${label}: version ${version} of ${name}${made ? "" : ", registered before"}`,
    `${alias.name}: ${alias.moved ? `now version ${version}, ` : ""}${alias.reason}`,
    `MLflow: ${url}`,
  ].join("\n");

/** Most accurate first; of equal ones the earlier row. */
const candidates = (rows: readonly ResultRow[]): ResultRow[] =>
  rows
    .filter(({ kind, metrics }) => kind !== "zero-shot" && metrics[ACCURACY] !== undefined)
    .sort((a, b) => b.metrics[ACCURACY]! - a.metrics[ACCURACY]!);

/** Undefined when there is no model of the row. */
async function publishRow(
  host: Host,
  client: MlflowClient,
  folder: string,
  row: ResultRow,
  { name, reporter, quiet }: { readonly name: string; readonly reporter: Reporter; readonly quiet?: boolean },
) {
  const cells = await readdir(path.join(folder, "cells")).catch(() => []);
  const cell = cells.find((key) => key.endsWith(`_${row.cell}`));
  const what = row.reused?.run ?? (cell && path.join(folder, "cells", cell));
  if (what === undefined) return undefined;
  try {
    return await publish(client, await findSource(host, client, what, { quiet }), name);
  } catch (error) {
    // What is wrong with the server, or with a run on it, is so for the next row, too.
    const passing = error instanceof DualtailError && !(error instanceof TrackingError);
    if (!passing || error instanceof UsageError) throw error;
    reporter.line(`${row.label} is passed over: ${error.oneLine}`);
    return undefined;
  }
}

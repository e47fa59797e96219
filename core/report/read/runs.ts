import type { MlflowClient, Run } from "../../mlflow-js-client/index.ts";
import { tracked } from "../../tracking/errors.ts";
import { ReportError } from "../errors.ts";
import { isOfTraining, isZeroShot } from "./identity.ts";

/**
 * All finished runs of a comparison's cells in an experiment, newest first; after them zero-shot runs that differ from
 * `where` in how others were trained.
 * @param where params that a run must have
 * @throws ReportError, TrackingError
 */
export async function finishedCells(
  client: MlflowClient,
  experiment: string,
  where: Readonly<Record<string, string>> = {},
): Promise<Run[]> {
  const found = await tracked(client.experiments.getByName(experiment));
  if (found === undefined || found.lifecycleStage !== "active") {
    const { items } = await tracked(client.experiments.search({ maxResults: 20 }));
    throw new ReportError(
      found
        ? `the experiment "${experiment}" is in the trash of MLflow at ${client.baseUrl}`
        : `there is no experiment "${experiment}" on MLflow at ${client.baseUrl}`,
      { hint: `there are: ${items.map(({ name }) => name).join(", ")}` },
    );
  }
  const runs = await cellsOf(client, found.experimentId);
  if (runs.length === 0) {
    throw new ReportError(`the experiment "${experiment}" has no finished cell of a comparison`, {
      hint: "run `dualtail compare` into it first",
    });
  }
  const fitting = runs.filter(({ params }) =>
    Object.entries(where).every(([key, value]) => params[key] === value),
  );
  const zeroShot = runs.filter(
    (run) =>
      isZeroShot(run) &&
      !fitting.includes(run) &&
      Object.entries(where).every(([key, value]) => run.params[key] === value || isOfTraining(key)),
  );
  if (fitting.length > 0) return [...fitting, ...zeroShot];
  const wanted = Object.entries(where).map(([key, value]) => `${key}=${value}`);
  const known = Object.keys(where).map((key) => {
    const values = [...new Set(runs.flatMap(({ params }) => params[key] ?? []))];
    return `${key}: ${values.join(", ") || "in no run"}`;
  });
  throw new ReportError(`no finished run of "${experiment}" has ${wanted.join(" and ")}`, {
    hint: `there are: ${known.join("; ")}`,
  });
}

/** All finished runs of comparisons' cells, newest first; none is no error. @throws TrackingError */
export async function cellsOf(client: MlflowClient, experimentId: string): Promise<Run[]> {
  const runs: Run[] = [];
  let pageToken: string | undefined;
  do {
    const page = await tracked(
      client.runs.search({
        experimentIds: [experimentId],
        filter: "attributes.status = 'FINISHED' and tags.`dualtail.cell` LIKE '%'",
        orderBy: ["attributes.start_time DESC"],
        ...(pageToken === undefined ? {} : { pageToken }),
      }),
    );
    runs.push(...page.items);
    pageToken = page.nextPageToken;
  } while (pageToken !== undefined);
  return runs;
}

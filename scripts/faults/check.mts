import { createHash } from "node:crypto";
import type { MlflowClient } from "../../core/mlflow-js-client/index.ts";
import type { Expected } from "./spec.mts";

/** What a server shows, held against what was tracked. */
export interface Found {
  readonly tracked: number;
  readonly shown: number;
  /** Points tracked and not shown. */
  readonly lost: number;
  /** Points shown more than once, and such as were never tracked. */
  readonly doubled: number;
  /** Runs, params, tags, artifacts and ends that are missing or differ. */
  readonly wrong: readonly string[];
}

type Point = Expected["metrics"][number];

const identity = ({ key, step, timestamp, value }: Point) => [key, step, timestamp, value].join(" ");
const sha = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

/** @param ended whether the runs must have ended well */
export async function check(
  client: MlflowClient,
  experiment: string,
  runs: readonly Expected[],
  { ended = true } = {},
): Promise<Found> {
  const tracked = runs.reduce((sum, { metrics }) => sum + metrics.length, 0);
  const known = await client.experiments.getByName(experiment);
  const remote = known
    ? (await client.runs.search({ experimentIds: [known.experimentId], viewType: "ALL" })).items
    : [];
  let shown = 0;
  let lost = 0;
  let doubled = 0;
  const wrong: string[] = [];
  for (const run of runs) {
    const twins = remote.filter(({ info }) => info.runName === run.name);
    if (twins.length !== 1) wrong.push(`${twins.length} runs "${run.name}"`);
    const [twin] = twins;
    if (twin === undefined) {
      lost += run.metrics.length;
      continue;
    }
    const { info, params, tags } = twin;
    const points: Point[] = [];
    for (const key of new Set(run.metrics.map((point) => point.key)))
      points.push(...(await client.metrics.getHistory(info.runId, key)));
    const seen = new Set(points.map(identity));
    const own = new Set(run.metrics.map(identity));
    shown += points.length;
    lost += [...own].filter((point) => !seen.has(point)).length;
    doubled += points.length - seen.size + [...seen].filter((point) => !own.has(point)).length;
    for (const [key, value] of Object.entries(run.params))
      if (params[key] !== value) wrong.push(`${run.name}: param ${key}`);
    for (const [key, value] of Object.entries(run.tags))
      if (tags[key] !== value) wrong.push(`${run.name}: tag ${key}`);
    for (const [path, content] of Object.entries(run.artifacts)) {
      const there = await client.artifacts.download(info, path).catch(() => undefined);
      if (there === undefined || sha(there) !== sha(content)) wrong.push(`${run.name}: artifact ${path}`);
    }
    if (ended && info.status !== "FINISHED") wrong.push(`${run.name} is ${info.status}`);
  }
  return { tracked, shown, lost, doubled, wrong };
}

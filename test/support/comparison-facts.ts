import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import type { MlflowClient, Run } from "../../core/mlflow-js-client/index.ts";

/** Of a run's metric: by step, the value. */
type History = readonly { readonly step: number; readonly value: number }[];

interface RunFacts {
  readonly status: string;
  readonly params: Readonly<Record<string, string>>;
  readonly tags: Readonly<Record<string, string>>;
  readonly metrics: Readonly<Record<string, History>>;
  readonly datasets: readonly string[];
  readonly artifacts: readonly string[];
}

/** All that a comparison came to that does not depend on when and how often it was started. */
export interface ComparisonFacts {
  /** SHA-256 of each cell's final adapters and optimizer slots. */
  readonly tensors: Readonly<Record<string, string>>;
  /** comparison.json */
  readonly table: unknown;
  /** Of the server, by name; a name that two runs have is listed in `twice`. */
  readonly runs: Readonly<Record<string, RunFacts>>;
  readonly twice: readonly string[];
}

/** Metrics that measure time. */
export const TIMED = new Set(["train/images_per_second"]);
/** Tags that name a run, a user, or a position in a journal. */
const OWN_TAGS = /^(mlflow\.(user|parentRunId|source|log-model)|dualtail\.(run_id|synced_bytes))/;

export async function comparisonFacts(
  client: MlflowClient,
  experiment: string,
  folder: string,
): Promise<ComparisonFacts> {
  const found = await client.experiments.getByName(experiment);
  const { items } = await client.runs.search({ experimentIds: [found!.experimentId] });
  const parents = items.filter(({ tags }) => tags["mlflow.parentRunId"] === undefined);
  expect(parents.map(({ info }) => info.runName)).toHaveLength(1);
  const strays = items.filter(
    ({ tags, info }) =>
      info.runId !== parents[0]!.info.runId && tags["mlflow.parentRunId"] !== parents[0]!.info.runId,
  );
  expect(strays.map(({ info }) => info.runName)).toEqual([]);
  const names = items.map(({ info }) => info.runName);
  return {
    tensors: tensorsOf(folder),
    table: JSON.parse(readFileSync(join(folder, "comparison.json"), "utf8")),
    runs: Object.fromEntries(
      await Promise.all(items.map(async (run) => [run.info.runName, await factsOf(client, run)] as const)),
    ),
    twice: names.filter((name, i) => names.indexOf(name) !== i),
  };
}

function tensorsOf(folder: string): Record<string, string> {
  const cells = join(folder, "cells");
  return Object.fromEntries(
    (readdirSync(cells, { recursive: true, encoding: "utf8" }) as string[])
      .filter((file) => /(adapters|optimizer|test-logits)\.safetensors$/.test(file))
      .map((file) => [
        file,
        createHash("sha256")
          .update(readFileSync(join(cells, file)))
          .digest("hex"),
      ]),
  );
}

async function factsOf(
  client: MlflowClient,
  { info, params, tags, metrics, datasets }: Run,
): Promise<RunFacts> {
  const histories = await Promise.all(
    metrics.map(async ({ key }): Promise<[string, History]> => {
      const points = await client.metrics.getHistory(info.runId, key);
      const sorted = points.map(({ step, value }) => ({ step, value: TIMED.has(key) ? 0 : value }));
      return [key, sorted.sort((a, b) => a.step - b.step)];
    }),
  );
  return {
    status: info.status,
    params,
    tags: Object.fromEntries(Object.entries(tags).filter(([key]) => !OWN_TAGS.test(key))),
    metrics: Object.fromEntries(histories),
    datasets: datasets.map(({ dataset, tags: own }) => `${dataset.digest} ${JSON.stringify(own)}`).sort(),
    artifacts: await artifactsBelow(client, info.runId, ""),
  };
}

async function artifactsBelow(client: MlflowClient, runId: string, path: string): Promise<string[]> {
  const found = await client.artifacts.list(runId, path);
  const below = await Promise.all(
    found.map((file) => (file.isDir ? artifactsBelow(client, runId, file.path) : [file.path])),
  );
  return below.flat().sort();
}

export interface PointCount {
  /** Points that the reference has. */
  readonly expected: number;
  readonly lost: number;
  readonly doubled: number;
}

/** Points of `facts` against those of a reference, by run, key and step. */
export function countPoints(facts: ComparisonFacts, reference: ComparisonFacts): PointCount {
  const points = ({ runs }: ComparisonFacts) =>
    Object.entries(runs).flatMap(([run, { metrics }]) =>
      Object.entries(metrics).flatMap(([key, history]) => history.map(({ step }) => `${run}/${key}/${step}`)),
    );
  const own = points(facts);
  const has = new Set(own);
  const expected = points(reference);
  return {
    expected: expected.length,
    lost: expected.filter((point) => !has.has(point)).length,
    doubled: own.length - has.size,
  };
}

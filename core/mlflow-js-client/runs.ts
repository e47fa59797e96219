import { type Batch, splitBatch } from "./batches.ts";
import { hasErrorCode, MlflowError } from "./errors.ts";
import type { Transport } from "./transport.ts";
import type { DatasetInput, Metric, Page, Run, RunInfo, RunStatus, ViewType } from "./types.ts";
import {
  fromDatasetInput,
  fromMetric,
  toPairs,
  toRun,
  toRunInfo,
  type WireRun,
  type WireRunInfo,
} from "./wire.ts";

/** What a new run is. */
export interface CreateRun {
  readonly experimentId: string;
  readonly runName?: string;
  /** Default: now. */
  readonly startTime?: number;
  readonly userId?: string;
  readonly tags?: Readonly<Record<string, string>>;
  /**
   * Key of one of `tags` whose value belongs to this run alone. With it, a request whose answer was lost is repeated
   * safely: the run is looked for by that tag first. Without it, such a request is not repeated.
   */
  readonly uniqueTag?: string;
}

/** Which runs, in which order. Absent `viewType`: active ones; absent `maxResults`: 1000. */
export interface SearchRuns {
  readonly experimentIds: readonly string[];
  /** E.g. "tags.`my.id` = 'x' and metrics.accuracy > 0.5". */
  readonly filter?: string;
  readonly viewType?: ViewType;
  readonly orderBy?: readonly string[];
  readonly maxResults?: number;
  readonly pageToken?: string;
}

/** Runs by the REST API's `runs/*`. What may be done twice is tried again where an answer is lost. */
export interface Runs {
  /** A run with the status RUNNING. */
  create(run: CreateRun): Promise<Run>;
  /** @throws MlflowError (RESOURCE_DOES_NOT_EXIST) */
  get(runId: string): Promise<Run>;
  /** Changes what is given; times in milliseconds since the epoch. */
  update(
    runId: string,
    change: { readonly status?: RunStatus; readonly endTime?: number; readonly runName?: string },
  ): Promise<RunInfo>;
  /** One page; the next by its `nextPageToken`. */
  search(options: SearchRuns): Promise<Page<Run>>;
  /** Marks it as deleted. */
  delete(runId: string): Promise<void>;
  /**
   * Any amount: cut into calls within MLflow's limits, sent one after the other: params, metrics, tags, each in the order
   * given. Not `repeatable`: a call whose answer was lost is not sent again, so that the caller can look first.
   */
  logBatch(runId: string, batch: Batch, options?: { readonly repeatable?: boolean }): Promise<void>;
  /** Adds one value of a metric. */
  logMetric(runId: string, metric: Metric): Promise<void>;
  /** @throws MlflowError (INVALID_PARAMETER_VALUE) for another value than the parameter has already */
  logParameter(runId: string, key: string, value: string): Promise<void>;
  /** Sets a tag, or replaces its value. */
  setTag(runId: string, key: string, value: string): Promise<void>;
  /** @throws MlflowError (RESOURCE_DOES_NOT_EXIST) when there is no such tag */
  deleteTag(runId: string, key: string): Promise<void>;
  /** Records the datasets as what the run used. */
  logInputs(runId: string, datasets: readonly DatasetInput[]): Promise<void>;
}

const PATH = "/api/2.0/mlflow/runs";

export function runsOf(transport: Transport): Runs {
  const post = <T>(action: string, json: unknown, repeatable = true) =>
    transport.json<T>({ method: "POST", path: `${PATH}/${action}`, json, repeatable });

  const search: Runs["search"] = async (options) => {
    const {
      experimentIds,
      filter,
      viewType = "ACTIVE_ONLY",
      orderBy,
      maxResults = 1000,
      pageToken,
    } = options;
    const answer = await post<{ runs?: WireRun[]; next_page_token?: string }>("search", {
      experiment_ids: experimentIds,
      filter,
      run_view_type: viewType,
      order_by: orderBy,
      max_results: maxResults,
      page_token: pageToken,
    });
    return { items: (answer.runs ?? []).map(toRun), nextPageToken: answer.next_page_token || undefined };
  };

  const findByTag = async (experimentId: string, key: string, value: string) => {
    // The filter language has two quotes and no escape.
    const quote = value.includes("'") ? '"' : "'";
    const filter = `tags.\`${key}\` = ${quote}${value}${quote}`;
    return (await search({ experimentIds: [experimentId], filter, maxResults: 1 })).items[0];
  };

  return {
    async create({ experimentId, runName, startTime = Date.now(), userId, tags = {}, uniqueTag }) {
      const json = {
        experiment_id: experimentId,
        run_name: runName,
        start_time: startTime,
        user_id: userId,
        tags: toPairs(tags),
      };
      const send = async () => toRun((await post<{ run: WireRun }>("create", json, false)).run);
      try {
        return await send();
      } catch (error) {
        const value = uniqueTag === undefined ? undefined : tags[uniqueTag];
        if (
          uniqueTag === undefined ||
          value === undefined ||
          !(error instanceof MlflowError && error.transient)
        )
          throw error;
        // The search itself waits and retries; once it answers, the server is back and knows whether the run exists.
        return (await findByTag(experimentId, uniqueTag, value)) ?? (await send());
      }
    },
    async get(runId) {
      const path = `${PATH}/get`;
      return toRun(
        (await transport.json<{ run: WireRun }>({ method: "GET", path, query: { run_id: runId } })).run,
      );
    },
    async update(runId, { status, endTime, runName }) {
      const json = { run_id: runId, status, end_time: endTime, run_name: runName };
      return toRunInfo((await post<{ run_info: WireRunInfo }>("update", json)).run_info);
    },
    search,
    async delete(runId) {
      await post("delete", { run_id: runId });
    },
    async logBatch(runId, batch, { repeatable = true } = {}) {
      for (const part of splitBatch(batch)) await post("log-batch", { run_id: runId, ...part }, repeatable);
    },
    async logMetric(runId, metric) {
      await post("log-metric", { run_id: runId, ...fromMetric(metric) });
    },
    async logParameter(runId, key, value) {
      await post("log-parameter", { run_id: runId, key, value });
    },
    async setTag(runId, key, value) {
      await post("set-tag", { run_id: runId, key, value });
    },
    async deleteTag(runId, key) {
      try {
        await post("delete-tag", { run_id: runId, key });
      } catch (error) {
        // Gone after a repeated request: the first one did it.
        if (!(hasErrorCode(error, "RESOURCE_DOES_NOT_EXIST") && error.attempts > 1)) throw error;
      }
    },
    async logInputs(runId, datasets) {
      await post("log-inputs", { run_id: runId, datasets: datasets.map(fromDatasetInput) });
    },
  };
}

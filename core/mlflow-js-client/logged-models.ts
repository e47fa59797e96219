import type { ArtifactOwner } from "./artifacts.ts";
import { hasErrorCode } from "./errors.ts";
import type { Transport } from "./transport.ts";
import type { Dataset, Metric, Page } from "./types.ts";
import { fromMetric, fromPairs, toMetric, toPairs, type WireMetric, type WirePair } from "./wire.ts";

/** A model of MLflow 3, beside the run that made it. */
export interface LoggedModel {
  readonly modelId: string;
  readonly experimentId: string;
  readonly name: string;
  readonly status: LoggedModelStatus;
  readonly artifactUri: string;
  readonly modelType?: string;
  readonly sourceRunId?: string;
  readonly params: Readonly<Record<string, string>>;
  readonly tags: Readonly<Record<string, string>>;
  readonly metrics: readonly ModelMetric[];
}

/** Pending until `finalize`. */
export type LoggedModelStatus = "PENDING" | "READY" | "UPLOAD_FAILED" | "UNSPECIFIED";

/** A metric of a model, on a dataset where it was one's. */
export interface ModelMetric extends Metric {
  readonly modelId: string;
  readonly dataset?: Pick<Dataset, "name" | "digest">;
}

/** What a new logged model is. */
export interface CreateLoggedModel {
  readonly experimentId: string;
  /** Without `/`, `:`, `.`, `%`, quotes. Default: the server makes one up. */
  readonly name?: string;
  readonly modelType?: string;
  readonly sourceRunId?: string;
  readonly params?: Readonly<Record<string, string>>;
  readonly tags?: Readonly<Record<string, string>>;
}

/** Models as entities of their own (MLflow ≥ 3). Their artifacts: `artifacts`, with `modelOwner`. */
export interface LoggedModels {
  /** Pending, until `finalize`. */
  create(model: CreateLoggedModel): Promise<LoggedModel>;
  /** @throws MlflowError (RESOURCE_DOES_NOT_EXIST) */
  get(modelId: string): Promise<LoggedModel>;
  /** Says whether all of its files arrived. */
  finalize(modelId: string, status: "READY" | "UPLOAD_FAILED"): Promise<LoggedModel>;
  /** E.g. "source_run_id = '…'". */
  search(options: {
    readonly experimentIds: readonly string[];
    readonly filter?: string;
    readonly maxResults?: number;
    readonly pageToken?: string;
  }): Promise<Page<LoggedModel>>;
  /** Marks it as deleted. */
  delete(modelId: string): Promise<void>;
  /**
   * Records the models as what a run has made. A SQL store refuses to be told of the same one twice, so that a request
   * whose answer was lost is not sent again: `outputs` says whether it arrived.
   */
  logOutputs(
    runId: string,
    models: readonly { readonly modelId: string; readonly step?: number }[],
  ): Promise<void>;
  /** Ids of the models that a run has made; none on a server that does not know them. */
  outputs(runId: string): Promise<string[]>;
  /** Metrics of a run that are about a model on a dataset; they become metrics of the run, too. */
  logMetrics(runId: string, metrics: readonly ModelMetric[]): Promise<void>;
}

/** What `artifacts` wants to know of a model that keeps files. */
export const modelOwner = ({
  modelId,
  artifactUri,
}: Pick<LoggedModel, "modelId" | "artifactUri">): ArtifactOwner => ({ runId: modelId, artifactUri });

const PATH = "/api/2.0/mlflow/logged-models";
/** MLflow's limit for a call. */
const MOST_METRICS = 1000;

export function loggedModelsOf(transport: Transport): LoggedModels {
  const at = (modelId: string) => `${PATH}/${encodeURIComponent(modelId)}`;
  return {
    async create({ experimentId, name, modelType, sourceRunId, params, tags }) {
      const json = {
        experiment_id: experimentId,
        name,
        model_type: modelType,
        source_run_id: sourceRunId,
        params: toPairs(params),
        tags: toPairs(tags),
      };
      const answer = await transport.json<{ model: WireLoggedModel }>({
        method: "POST",
        path: PATH,
        json,
        repeatable: false,
      });
      return toLoggedModel(answer.model);
    },
    async get(modelId) {
      const { model } = await transport.json<{ model: WireLoggedModel }>({
        method: "GET",
        path: at(modelId),
      });
      return toLoggedModel(model);
    },
    async finalize(modelId, status) {
      const json = { model_id: modelId, status: `LOGGED_MODEL_${status}` };
      const { model } = await transport.json<{ model: WireLoggedModel }>({
        method: "PATCH",
        path: at(modelId),
        json,
      });
      return toLoggedModel(model);
    },
    async search({ experimentIds, filter, maxResults = 50, pageToken }) {
      const json = {
        experiment_ids: experimentIds,
        filter,
        max_results: maxResults,
        page_token: pageToken,
      };
      const path = `${PATH}/search`;
      const answer = await transport.json<{ models?: WireLoggedModel[]; next_page_token?: string }>({
        method: "POST",
        path,
        json,
      });
      return {
        items: (answer.models ?? []).map(toLoggedModel),
        nextPageToken: answer.next_page_token || undefined,
      };
    },
    async delete(modelId) {
      try {
        await transport.json({ method: "DELETE", path: at(modelId) });
      } catch (error) {
        // Gone after a repeated request: the first one did it.
        if (!(hasErrorCode(error, "RESOURCE_DOES_NOT_EXIST") && error.attempts > 1)) throw error;
      }
    },
    async logOutputs(runId, models) {
      const json = {
        run_id: runId,
        models: models.map(({ modelId, step = 0 }) => ({ model_id: modelId, step })),
      };
      const path = "/api/2.0/mlflow/runs/outputs";
      await transport.json({ method: "POST", path, json, repeatable: false });
    },
    async outputs(runId) {
      const { run } = await transport.json<{ run: WireOutputs }>({
        method: "GET",
        path: "/api/2.0/mlflow/runs/get",
        query: { run_id: runId },
      });
      return (run.outputs?.model_outputs ?? []).map(({ model_id }) => model_id);
    },
    async logMetrics(runId, metrics) {
      for (let start = 0; start < metrics.length; start += MOST_METRICS) {
        const part = metrics.slice(start, start + MOST_METRICS);
        const json = {
          run_id: runId,
          metrics: part.map((metric) => ({
            ...fromMetric(metric),
            model_id: metric.modelId,
            dataset_name: metric.dataset?.name,
            dataset_digest: metric.dataset?.digest,
          })),
        };
        await transport.json({ method: "POST", path: "/api/2.0/mlflow/runs/log-batch", json });
      }
    },
  };
}

interface WireOutputs {
  readonly outputs?: { readonly model_outputs?: readonly { readonly model_id: string }[] };
}

interface WireLoggedModel {
  readonly info: {
    readonly model_id: string;
    readonly experiment_id: string;
    readonly name?: string;
    readonly artifact_uri?: string;
    readonly status?: string;
    readonly model_type?: string;
    readonly source_run_id?: string;
    readonly tags?: readonly WirePair[];
  };
  readonly data?: {
    readonly params?: readonly WirePair[];
    readonly metrics?: readonly (WireMetric & {
      readonly model_id?: string;
      readonly dataset_name?: string;
      readonly dataset_digest?: string;
    })[];
  };
}

const toLoggedModel = ({ info, data }: WireLoggedModel): LoggedModel => ({
  modelId: info.model_id,
  experimentId: info.experiment_id,
  name: info.name ?? "",
  status: (info.status ?? "UNSPECIFIED").replace("LOGGED_MODEL_", "") as LoggedModelStatus,
  artifactUri: info.artifact_uri ?? "",
  modelType: info.model_type || undefined,
  sourceRunId: info.source_run_id || undefined,
  params: fromPairs(data?.params),
  tags: fromPairs(info.tags),
  metrics: (data?.metrics ?? []).map((metric) => ({
    ...toMetric(metric),
    modelId: metric.model_id ?? info.model_id,
    ...(metric.dataset_name
      ? { dataset: { name: metric.dataset_name, digest: metric.dataset_digest ?? "" } }
      : {}),
  })),
});

import { hasErrorCode } from "./errors.ts";
import type { Transport } from "./transport.ts";
import { fromPairs, toPairs, type WirePair } from "./wire.ts";

/** A version of a registered model. */
export interface ModelVersion {
  readonly name: string;
  /** A number, as a string. */
  readonly version: string;
  readonly source: string;
  readonly runId?: string;
  /** Of the logged model it is. */
  readonly modelId?: string;
  readonly status: string;
  readonly aliases: readonly string[];
  readonly tags: Readonly<Record<string, string>>;
}

/** What a new version is made of. */
export interface CreateModelVersion {
  readonly name: string;
  /** Where its files are, e.g. `models:/<id of a logged model>` or `runs:/<run id>/model`. */
  readonly source: string;
  readonly runId?: string;
  /** Of the logged model it is. */
  readonly modelId?: string;
  readonly description?: string;
  readonly tags?: Readonly<Record<string, string>>;
}

/** The model registry: named models, their versions, and aliases that point at one of them. */
export interface Registry {
  /** Makes the registered model when it is missing. */
  ensure(name: string, options?: { readonly description?: string }): Promise<void>;
  /** The next number. @throws MlflowError (RESOURCE_DOES_NOT_EXIST) without the registered model */
  createVersion(version: CreateModelVersion): Promise<ModelVersion>;
  /** @throws MlflowError (RESOURCE_DOES_NOT_EXIST) */
  getVersion(name: string, version: string): Promise<ModelVersion>;
  /** All versions of a model, newest first. */
  versions(name: string): Promise<ModelVersion[]>;
  /** Undefined when no version has the alias, or there is no such model. */
  byAlias(name: string, alias: string): Promise<ModelVersion | undefined>;
  /** Moves it from the version that had it. */
  setAlias(name: string, alias: string, version: string): Promise<void>;
  /** Sets a tag of a version, or replaces its value. */
  setVersionTag(name: string, version: string, key: string, value: string): Promise<void>;
}

const MODELS = "/api/2.0/mlflow/registered-models";
const VERSIONS = "/api/2.0/mlflow/model-versions";

export function registryOf(transport: Transport): Registry {
  const post = <T>(path: string, json: unknown, repeatable = true) =>
    transport.json<T>({ method: "POST", path, json, repeatable });
  const get = <T>(path: string, query: Readonly<Record<string, string | number | undefined>>) =>
    transport.json<T>({ method: "GET", path, query });

  return {
    async ensure(name, { description } = {}) {
      try {
        await post(`${MODELS}/create`, { name, description });
      } catch (error) {
        if (!hasErrorCode(error, "RESOURCE_ALREADY_EXISTS")) throw error;
      }
    },
    async createVersion({ name, source, runId, modelId, description, tags }) {
      const json = { name, source, run_id: runId, model_id: modelId, description, tags: toPairs(tags) };
      // Twice would make two versions.
      const answer = await post<{ model_version: WireModelVersion }>(`${VERSIONS}/create`, json, false);
      return toModelVersion(answer.model_version);
    },
    async getVersion(name, version) {
      const answer = await get<{ model_version: WireModelVersion }>(`${VERSIONS}/get`, { name, version });
      return toModelVersion(answer.model_version);
    },
    async versions(name) {
      // The filter language has two quotes and no escape.
      const quote = name.includes("'") ? '"' : "'";
      const all: ModelVersion[] = [];
      let pageToken: string | undefined;
      do {
        const answer = await get<{ model_versions?: WireModelVersion[]; next_page_token?: string }>(
          `${VERSIONS}/search`,
          {
            filter: `name = ${quote}${name}${quote}`,
            order_by: "version_number DESC",
            max_results: 1000,
            page_token: pageToken,
          },
        );
        all.push(...(answer.model_versions ?? []).map(toModelVersion));
        pageToken = answer.next_page_token || undefined;
      } while (pageToken !== undefined);
      return all;
    },
    async byAlias(name, alias) {
      try {
        const answer = await get<{ model_version: WireModelVersion }>(`${MODELS}/alias`, { name, alias });
        return toModelVersion(answer.model_version);
      } catch (error) {
        // An alias that nobody has is an invalid parameter to MLflow.
        const missing = hasErrorCode(error, "RESOURCE_DOES_NOT_EXIST");
        if (missing || (hasErrorCode(error, "INVALID_PARAMETER_VALUE") && /alias/i.test(error.message)))
          return undefined;
        throw error;
      }
    },
    async setAlias(name, alias, version) {
      await post(`${MODELS}/alias`, { name, alias, version });
    },
    async setVersionTag(name, version, key, value) {
      await post(`${VERSIONS}/set-tag`, { name, version, key, value });
    },
  };
}

interface WireModelVersion {
  readonly name: string;
  readonly version: string | number;
  readonly source?: string;
  readonly run_id?: string;
  readonly model_id?: string;
  readonly status?: string;
  readonly aliases?: readonly string[];
  readonly tags?: readonly WirePair[];
}

const toModelVersion = (wire: WireModelVersion): ModelVersion => ({
  name: wire.name,
  version: String(wire.version),
  source: wire.source ?? "",
  runId: wire.run_id || undefined,
  // The open-source server keeps it in the source alone.
  modelId: wire.model_id || /^models:\/(m-[^/]+)$/.exec(wire.source ?? "")?.[1],
  status: wire.status ?? "",
  aliases: wire.aliases ?? [],
  tags: fromPairs(wire.tags),
});

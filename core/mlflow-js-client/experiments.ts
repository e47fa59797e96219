import { hasErrorCode } from "./errors.ts";
import type { Transport } from "./transport.ts";
import type { Experiment, Page, ViewType } from "./types.ts";
import { toExperiment, toPairs, type WireExperiment } from "./wire.ts";

/** Which experiments, in which order. Absent `viewType`: active ones; absent `maxResults`: 1000. */
export interface SearchExperiments {
  /** E.g. `name LIKE 'long-tail%'`. */
  readonly filter?: string;
  readonly viewType?: ViewType;
  readonly orderBy?: readonly string[];
  readonly maxResults?: number;
  readonly pageToken?: string;
}

/** Experiments by the REST API's `experiments/*`. */
export interface Experiments {
  /** Undefined when there is none; a deleted experiment is returned as such. */
  getByName(name: string): Promise<Experiment | undefined>;
  /** @throws MlflowError (RESOURCE_DOES_NOT_EXIST) */
  get(experimentId: string): Promise<Experiment>;
  /** Returns the id. @throws MlflowError (RESOURCE_ALREADY_EXISTS) */
  create(
    name: string,
    options?: { readonly artifactLocation?: string; readonly tags?: Readonly<Record<string, string>> },
  ): Promise<string>;
  /**
   * Gets it or creates it (then with these tags); also right when two processes do so at once. The result may be a
   * deleted experiment.
   */
  ensure(name: string, options?: { readonly tags?: Readonly<Record<string, string>> }): Promise<Experiment>;
  /** Sets a tag, or replaces its value. */
  setTag(experimentId: string, key: string, value: string): Promise<void>;
  /** One page; the next by its `nextPageToken`. */
  search(options?: SearchExperiments): Promise<Page<Experiment>>;
  /** Marks it as deleted, with its runs. */
  delete(experimentId: string): Promise<void>;
  /** Takes `delete` back. */
  restore(experimentId: string): Promise<void>;
}

const PATH = "/api/2.0/mlflow/experiments";

export function experimentsOf(transport: Transport): Experiments {
  const post = <T>(action: string, json: unknown) =>
    transport.json<T>({ method: "POST", path: `${PATH}/${action}`, json });

  const get = async (experimentId: string) => {
    const path = `${PATH}/get`;
    const query = { experiment_id: experimentId };
    const { experiment } = await transport.json<{ experiment: WireExperiment }>({
      method: "GET",
      path,
      query,
    });
    return toExperiment(experiment);
  };

  const getByName = async (name: string) => {
    try {
      const path = `${PATH}/get-by-name`;
      const query = { experiment_name: name };
      const { experiment } = await transport.json<{ experiment: WireExperiment }>({
        method: "GET",
        path,
        query,
      });
      return toExperiment(experiment);
    } catch (error) {
      if (hasErrorCode(error, "RESOURCE_DOES_NOT_EXIST")) return undefined;
      throw error;
    }
  };

  const create: Experiments["create"] = async (name, { artifactLocation, tags } = {}) => {
    const json = { name, artifact_location: artifactLocation, tags: toPairs(tags) };
    return (await post<{ experiment_id: string }>("create", json)).experiment_id;
  };

  return {
    get,
    getByName,
    create,
    async ensure(name, options) {
      const known = await getByName(name);
      if (known) return known;
      try {
        return await get(await create(name, options));
      } catch (error) {
        // Someone else was quicker, or our own first try arrived and only its answer was lost.
        const theirs = hasErrorCode(error, "RESOURCE_ALREADY_EXISTS") ? await getByName(name) : undefined;
        if (theirs) return theirs;
        throw error;
      }
    },
    async setTag(experimentId, key, value) {
      await post("set-experiment-tag", { experiment_id: experimentId, key, value });
    },
    async search({ filter, viewType = "ACTIVE_ONLY", orderBy, maxResults = 1000, pageToken } = {}) {
      const json = {
        filter,
        view_type: viewType,
        order_by: orderBy,
        max_results: maxResults,
        page_token: pageToken,
      };
      const answer = await post<{ experiments?: WireExperiment[]; next_page_token?: string }>("search", json);
      return {
        items: (answer.experiments ?? []).map(toExperiment),
        nextPageToken: answer.next_page_token || undefined,
      };
    },
    async delete(experimentId) {
      await post("delete", { experiment_id: experimentId });
    },
    async restore(experimentId) {
      await post("restore", { experiment_id: experimentId });
    },
  };
}

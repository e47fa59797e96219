import { hasErrorCode, type MlflowClient, MlflowError, type Run } from "../../mlflow-js-client/index.ts";
import { currentUser, shortened } from "../../tracking/mlflow-tags.ts";
import { TAGS } from "../tags.ts";
import { toWire } from "./wire.ts";

/** What the form sent: a query's values, or a JSON body. */
export type Sent = Readonly<Record<string, unknown>>;

/** What one experiment's form may do, by method and path; nothing else passes. Answers are MLflow's. */
export type Calls = Readonly<Record<string, (sent: Sent) => Promise<unknown>>>;

/** The one artifact that the form reads. */
const CONFIG = "config.resolved.json";

/** @throws MlflowError for what is not this experiment's, or not the form's to do */
export function callsOf(client: MlflowClient, experimentId: string): Calls {
  const own = async (id: unknown): Promise<Run> => {
    const run = await client.runs.get(text(id));
    if (run.info.experimentId === experimentId) return run;
    throw refused("the run is of another experiment");
  };
  return {
    "POST /ajax-api/2.0/mlflow/runs/search": async ({ filter, order_by: orderBy, max_results: most }) => {
      const { items } = await client.runs.search({
        experimentIds: [experimentId],
        maxResults: Math.min(Number(most) || 50, 200),
        ...(filter === undefined ? {} : { filter: text(filter) }),
        ...(Array.isArray(orderBy) ? { orderBy: orderBy.map(text) } : {}),
      });
      return { runs: items.map(toWire) };
    },
    "GET /ajax-api/2.0/mlflow/runs/get": async ({ run_id: id }) => ({ run: toWire(await own(id)) }),
    "POST /ajax-api/2.0/mlflow/runs/create": async ({ run_name: name, tags }) => {
      const asked = Object.entries(record(tags)).filter(([key]) => isRequestTag(key));
      const run = await client.runs.create({
        experimentId,
        runName: shortened(text(name), 250),
        // Whoever has the address is at this machine.
        tags: { ...Object.fromEntries(asked), [TAGS.kind]: "request", [TAGS.user]: currentUser() },
        uniqueTag: TAGS.runId,
      });
      return { run: toWire(run) };
    },
    "POST /ajax-api/2.0/mlflow/runs/update": async ({ run_id: id, status }) => {
      const { info, tags } = await own(id);
      const fresh = tags[TAGS.kind] === "request" && tags[TAGS.state] === undefined;
      if (status !== "SCHEDULED" || !fresh) throw refused("only a new request can be scheduled");
      await client.runs.update(info.runId, { status });
      return {};
    },
    "POST /ajax-api/2.0/mlflow/runs/set-tag": async ({ run_id: id, key, value }) => {
      if (key !== TAGS.action) throw refused(`only ${TAGS.action} can be set`);
      const { info } = await own(id);
      await client.runs.setTag(info.runId, key, text(value));
      return {};
    },
    "GET /get-artifact": async ({ run_uuid: id, path }) => {
      if (path !== CONFIG) throw refused(`only ${CONFIG} can be read`);
      const { info } = await own(id);
      try {
        return JSON.parse(Buffer.from(await client.artifacts.download(info, CONFIG)).toString()) as unknown;
      } catch (error) {
        if (error instanceof SyntaxError) throw refused(`${CONFIG} is not JSON`);
        if (hasErrorCode(error, "RESOURCE_DOES_NOT_EXIST")) throw refused(`there is no ${CONFIG}`, 404);
        throw error;
      }
    },
  };
}

const isRequestTag = (key: string): boolean =>
  key === TAGS.watch || key === TAGS.runId || /^dualtail\.request(\.\d{1,3})?$/.test(key);

/** MLflow's list of pairs as a record. */
function record(tags: unknown): Record<string, string> {
  if (!Array.isArray(tags)) return {};
  return Object.fromEntries(tags.map((tag: Sent | null) => [text(tag?.key), text(tag?.value)]));
}

function text(value: unknown): string {
  if (typeof value === "string") return value;
  throw refused("a text is missing", 400);
}

function refused(message: string, status = 403): MlflowError {
  const errorCode = status === 403 ? "PERMISSION_DENIED" : "INVALID_PARAMETER_VALUE";
  return new MlflowError(message, { status, errorCode });
}

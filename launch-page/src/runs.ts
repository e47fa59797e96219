import type { JsonObject } from "../../core/launch-page/types.ts";
import { requestIn } from "./requests.ts";
import type { Server } from "./server.ts";

/** A request or comparison in the list. */
export interface ListedRun {
  readonly id: string;
  readonly name: string;
  /** The watcher's word for it, or "waiting" before it has seen it. */
  readonly state: string;
  readonly message: string;
  readonly tags: Readonly<Record<string, string>>;
}

export type Action = "stop" | "resume" | "rerun";

interface MlflowRun {
  readonly info: { readonly run_id: string; readonly run_name?: string; readonly status?: string };
  readonly data?: { readonly tags?: readonly { readonly key: string; readonly value: string }[] };
}

/** What the watcher looks at in the experiment, newest first; at most 50. */
export async function listRuns(server: Server, experimentId: string): Promise<ListedRun[]> {
  const { runs = [] } = await server.call("POST", "runs/search", {
    experiment_ids: [experimentId],
    filter: "tags.`dualtail.watch` = '1'",
    order_by: ["attributes.start_time DESC"],
    max_results: 50,
  });
  return (runs as readonly MlflowRun[])
    .map(asListed)
    .filter(({ tags }) => ["request", "comparison"].includes(tags["dualtail.kind"] ?? ""));
}

function asListed({ info, data }: MlflowRun): ListedRun {
  const tags = Object.fromEntries((data?.tags ?? []).map(({ key, value }) => [key, value]));
  return {
    id: info.run_id,
    name: info.run_name || info.run_id,
    state:
      tags["dualtail.state"] ?? (info.status === "SCHEDULED" ? "waiting" : (info.status ?? "").toLowerCase()),
    message: tags["dualtail.message"] ?? "",
    tags,
  };
}

const ACTIONS: Readonly<Record<string, readonly Action[]>> = {
  waiting: ["stop"],
  queued: ["stop"],
  running: ["stop"],
  finished: ["rerun"],
  failed: ["resume", "rerun"],
  killed: ["resume", "rerun"],
};

/** What can be asked for in a state; nothing while a wish is not yet seen. */
export const actionsFor = ({ state, tags }: ListedRun): readonly Action[] =>
  tags["dualtail.action"] ? [] : (ACTIONS[state] ?? []);

export const ask = (server: Server, runId: string, action: Action): Promise<JsonObject> =>
  server.call("POST", "runs/set-tag", { run_id: runId, key: "dualtail.action", value: action });

/** The config that a run was made with: in its request, or kept by it or by the comparison that it belongs to. */
export async function configOf(server: Server, runId: string): Promise<JsonObject | undefined> {
  const { run } = await server.call("GET", `runs/get?run_id=${encodeURIComponent(runId)}`);
  const { tags } = asListed(run as MlflowRun);
  const requested = requestIn(tags);
  if (requested) return requested;
  for (const owner of [runId, tags["mlflow.parentRunId"]]) {
    const text = owner && (await server.artifact(owner, "config.resolved.json"));
    if (text) return JSON.parse(text) as JsonObject;
  }
  return undefined;
}

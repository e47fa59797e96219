import { REQUEST_TAG, requestTags } from "../../core/launch-page/request-tags.ts";
import type { JsonObject, LaunchRequest } from "../../core/launch-page/types.ts";
import type { Server } from "./server.ts";

/** The config of the request in a run's tags, if there is one that can be read. */
export function requestIn(tags: Readonly<Record<string, string>>): JsonObject | undefined {
  const pieces: string[] = [];
  for (let i = 0; `${REQUEST_TAG}.${i}` in tags; i++) pieces.push(tags[`${REQUEST_TAG}.${i}`]!);
  const text = tags[REQUEST_TAG] ?? pieces.join("");
  try {
    const { config } = JSON.parse(text) as { config?: JsonObject };
    return typeof config === "object" && config !== null ? config : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Puts a request where the watcher finds it: a scheduled run with the request in its tags. MLflow adds the user.
 * @returns the run's id
 */
export async function submit(server: Server, experimentId: string, request: LaunchRequest): Promise<string> {
  const name = request.config.name;
  const created = await server.call("POST", "runs/create", {
    experiment_id: experimentId,
    run_name: typeof name === "string" && name ? name : "request",
    start_time: Date.now(),
    tags: [
      { key: "dualtail.kind", value: "request" },
      { key: "dualtail.watch", value: "1" },
      { key: "dualtail.run_id", value: randomId() },
      ...Object.entries(requestTags(request)).map(([key, value]) => ({ key, value })),
    ],
  });
  const id = (created.run as { info: { run_id: string } }).info.run_id;
  await server.call("POST", "runs/update", { run_id: id, status: "SCHEDULED" });
  return id;
}

/** 32 hexadecimal digits. */
function randomId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

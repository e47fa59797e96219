import type { JsonObject } from "../../core/launch-page/types.ts";
import type { Server } from "./server.ts";

/** Longest piece of a request in one tag, characters. */
const PIECE = 4500;

export interface LaunchRequest {
  readonly version: 1;
  readonly config: JsonObject;
  readonly rerun?: boolean;
}

interface Tag {
  readonly key: string;
  readonly value: string;
}

/** A request as tags: whole, or in pieces where one tag does not hold it. ASCII alone, so that no character is cut. */
export function requestTags(request: LaunchRequest): Tag[] {
  const text = JSON.stringify(request).replaceAll(
    /[\u007f-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
  if (text.length <= PIECE) return [{ key: "dualtail.request", value: text }];
  return Array.from({ length: Math.ceil(text.length / PIECE) }, (_, i) => ({
    key: `dualtail.request.${i}`,
    value: text.slice(i * PIECE, (i + 1) * PIECE),
  }));
}

/** The config of the request in a run's tags, if there is one that can be read. */
export function requestIn(tags: Readonly<Record<string, string>>): JsonObject | undefined {
  const pieces: string[] = [];
  for (let i = 0; `dualtail.request.${i}` in tags; i++) pieces.push(tags[`dualtail.request.${i}`]!);
  const text = tags["dualtail.request"] ?? pieces.join("");
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
      ...requestTags(request),
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

import type { JsonObject } from "../../core/launch-page/types.ts";

/** The MLflow server that the page speaks to, as the user who is signed in there. */
export interface Server {
  call(method: "GET" | "POST", path: string, body?: JsonObject): Promise<JsonObject>;
  /** A text among a run's artifacts; undefined when there is none. */
  artifact(runId: string, path: string): Promise<string | undefined>;
  /** Address of a run's page. */
  runPage(experimentId: string, runId: string): string;
}

/** MLflow refused, or did not answer; the message is for the reader. */
export class ServerError extends Error {}

/**
 * Where the server is, seen from this page: its origin, and the prefix that a proxy may have put before it. A sandboxed
 * frame has no origin and can ask nobody.
 */
export function findBase(): string | undefined {
  if (self.origin === "null" || self.origin.startsWith("file:")) return undefined;
  return self.origin + prefixOf(pathOfPage());
}

/** In the artifact viewer the page is a blob inside MLflow's own page, whose path tells the prefix. */
function pathOfPage(): string {
  if (location.protocol !== "blob:") return location.pathname;
  try {
    return window.parent.location.pathname;
  } catch {
    return "/";
  }
}

/** "/team/get-artifact" → "/team", "/team/launch.html" → "/team", "/" → "" */
export function prefixOf(path: string): string {
  const marked = /^(.*?)\/(?:get-artifact|ajax-api)(?:\/|$)/.exec(path);
  return marked ? marked[1]! : path.replace(/\/[^/]*$/, "");
}

export function createServer(base: string, pages = base): Server {
  const request = async (path: string, init: RequestInit): Promise<Response> => {
    try {
      return await fetch(`${base}${path}`, { credentials: "same-origin", ...init });
    } catch {
      throw new ServerError("The server does not answer. Is it running, and are you still signed in?");
    }
  };
  return {
    async call(method, path, body) {
      const answer = await request(`/ajax-api/2.0/mlflow/${path}`, {
        method,
        headers: { "Content-Type": "application/json" },
        body: body && JSON.stringify(body),
      });
      const text = await answer.text();
      if (!answer.ok) throw new ServerError(reason(answer.status, text));
      return text ? (JSON.parse(text) as JsonObject) : {};
    },
    async artifact(runId, path) {
      const query = new URLSearchParams({ path, run_uuid: runId });
      const answer = await request(`/get-artifact?${query}`, { method: "GET" });
      return answer.ok ? answer.text() : undefined;
    },
    runPage: (experimentId, runId) => `${pages}/#/experiments/${experimentId}/runs/${runId}`,
  };
}

/** What MLflow says is wrong, or else the status. */
function reason(status: number, text: string): string {
  try {
    const { error_code: code, message } = JSON.parse(text) as { error_code?: string; message?: string };
    if (message) return `MLflow says: ${message}${code ? ` (${code})` : ""}`;
  } catch {
    // Not MLflow's own answer: a proxy's page is of no use to the reader.
  }
  const known: Readonly<Record<number, string>> = {
    401: "You are not signed in to MLflow.",
    403: "You may not do this on this MLflow server.",
  };
  return known[status] ?? `The server answered with status ${status}.`;
}

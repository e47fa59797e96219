import { MlflowError } from "./errors.ts";
import type { Transport } from "./transport.ts";

/** The server itself. */
export interface Server {
  /** One try: resolves when an MLflow server answers. @throws MlflowError */
  health(options?: { readonly timeoutMs?: number }): Promise<void>;
  /** E.g. "3.17.2". */
  version(): Promise<string>;
  /** What keeps its runs: "FileStore" or "SqlStore"; undefined for something else, and for a server that does not say. */
  storeType(): Promise<string | undefined>;
}

export function serverOf(transport: Transport): Server {
  return {
    async health({ timeoutMs = 10_000 } = {}) {
      // Asked of the API, not of /health: it proves the credentials too, and that this is MLflow and not a web page.
      const json = { max_results: 1 };
      const path = "/api/2.0/mlflow/experiments/search";
      await transport.json({ method: "POST", path, json, retries: 0, timeoutMs });
    },
    async version() {
      return (await transport.text({ method: "GET", path: "/version" })).trim();
    },
    async storeType() {
      const path = "/api/3.0/mlflow/server-info";
      try {
        const { store_type } = await transport.json<{ store_type?: unknown }>({ method: "GET", path });
        return typeof store_type === "string" ? store_type : undefined;
      } catch (error) {
        // Not there, or somebody else's page in its place.
        if (error instanceof MlflowError && !error.transient) return undefined;
        throw error;
      }
    },
  };
}

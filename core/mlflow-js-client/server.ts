import type { Transport } from "./transport.ts";

/** The server itself. */
export interface Server {
  /** One try: resolves when an MLflow server answers. @throws MlflowError */
  health(options?: { readonly timeoutMs?: number }): Promise<void>;
  /** E.g. "3.17.2". */
  version(): Promise<string>;
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
  };
}

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { TestProject } from "vitest/node";
import { startManagedMlflow } from "../../core/tracking/managed-mlflow.ts";
import { onDemand } from "./on-demand.ts";

declare module "vitest" {
  export interface ProvidedContext {
    /** On demand: URI of the shared MLflow server. */
    readonly mlflowStarter: string;
  }
}

/** Installed once per checkout, shared by tests, demo and development. */
export const MLFLOW_HOME = fileURLToPath(new URL("../../.dualtail", import.meta.url));

/** One real MLflow server per vitest run, on data of its own. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  let dataDir: string | undefined;
  const start = async () => {
    dataDir = await mkdtemp(join(tmpdir(), "dualtail-test-mlflow-"));
    return startManagedMlflow({ home: MLFLOW_HOME, dataDir, onProgress: (line) => console.error(line) });
  };
  const server = await onDemand(start, ({ uri }) => uri);
  project.provide("mlflowStarter", server.url);
  return async () => {
    server.close();
    await (await server.begun()?.catch(() => undefined))?.stop();
    if (dataDir) await rm(dataDir, { recursive: true, force: true });
  };
}

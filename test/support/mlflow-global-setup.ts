import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { TestProject } from "vitest/node";
import { type ManagedMlflow, startManagedMlflow } from "../../core/tracking/managed-mlflow.ts";

declare module "vitest" {
  export interface ProvidedContext {
    /** GET it: starts the shared MLflow server when it is not running and answers 200 and its URI, 202 until then. */
    readonly mlflowStarter: string;
  }
}

/** Installed once per checkout, shared by tests, demo and development. */
export const MLFLOW_HOME = fileURLToPath(new URL("../../.dualtail", import.meta.url));

/**
 * One real MLflow server per vitest run, on data of its own. It starts when the first test asks for it, so that runs
 * without such a test stay quick.
 */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  let server: Promise<ManagedMlflow> | undefined;
  let dataDir: string | undefined;
  const start = async () => {
    dataDir = await mkdtemp(join(tmpdir(), "dualtail-test-mlflow-"));
    return startManagedMlflow({ home: MLFLOW_HOME, dataDir, onProgress: (line) => console.error(line) });
  };
  let state = { status: 202, text: "" };
  const starter = createServer((_request, answer) => {
    server ??= start();
    server.then(
      ({ uri }) => {
        state = { status: 200, text: uri };
      },
      (error: Error) => {
        state = { status: 500, text: error.message };
      },
    );
    answer.writeHead(state.status).end(state.text);
  });
  await new Promise<void>((resolve) => starter.listen(0, "127.0.0.1", resolve));
  project.provide("mlflowStarter", `http://127.0.0.1:${(starter.address() as AddressInfo).port}/`);
  return async () => {
    starter.close();
    starter.closeAllConnections();
    await (await server?.catch(() => undefined))?.stop();
    if (dataDir) await rm(dataDir, { recursive: true, force: true });
  };
}

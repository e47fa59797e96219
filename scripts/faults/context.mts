import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { MlflowClient } from "../../core/mlflow-js-client/index.ts";
import { type FaultyProxy, startFaultyProxy } from "../../test/support/faulty-proxy.ts";

/** What every case is given. */
export interface CaseContext {
  /** Of the server itself, past the proxy. */
  readonly client: MlflowClient;
  readonly seed: number;
}

export interface Place {
  readonly experiment: string;
  /** Of journals. */
  readonly root: string;
  /** For a child's report: not on the disk that is at fault. */
  readonly folder: string;
  readonly proxy: FaultyProxy;
}

let places = 0;

/** A proxy and folders for the time of `work`. */
export async function inPlace<T>(
  context: CaseContext,
  name: string,
  work: (place: Place) => Promise<T>,
): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), "dualtail-faults-"));
  const proxy = await startFaultyProxy(context.client.baseUrl);
  try {
    const experiment = `faults ${name} ${process.pid} ${places++}`;
    return await work({ experiment, root: join(folder, "runs"), folder, proxy });
  } finally {
    await proxy.close();
    await rm(folder, { recursive: true, force: true });
  }
}

/** Draws in [0, 1), the same for the same seed. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

import path from "node:path";
import { readConfigDocument } from "../../comparison/config/index.ts";
import { resolve } from "../../container/index.ts";
import { DualtailError } from "../../errors.ts";
import { clientFromEnv } from "../../mlflow-js-client/index.ts";
import { validateServeConfig } from "../../serve/index.ts";
import { cacheFolder } from "../folders.ts";
import type { Host } from "../host.ts";
import { openClient, openTracking } from "../tracking.ts";
import { containerFor } from "./prepare.ts";
import { queueAddress } from "./serve.ts";

export interface WorkerFlags {
  /** A server's file, with this machine's paths. */
  readonly config: string;
  /** Address of a Redis server. */
  readonly queue?: string;
  /** Seconds. */
  readonly lock: number;
  /** Seconds. */
  readonly checkpointEvery: number;
  readonly trackingUri?: string;
  readonly quiet?: boolean;
}

/** Trains cells of comparisons that a server runs, one at a time, until Ctrl-C. */
export async function workerCommand(host: Host, flags: WorkerFlags): Promise<number> {
  const reporter = host.reporter({ quiet: flags.quiet });
  const redis = queueAddress(host, flags.queue);
  if (redis === undefined) {
    throw new DualtailError("dualtail worker needs a queue", {
      hint: "give --queue redis://host or set DUALTAIL_QUEUE, the same as dualtail serve",
    });
  }
  const document = await readConfigDocument(path.resolve(host.cwd, flags.config), flags.config);
  const container = await containerFor(document, {
    reporter,
    tracking: () => openTracking(host, reporter, flags.trackingUri),
  });
  const registry = resolve(container, "registry");
  const config = validateServeConfig(document, registry);
  const { client, close } = await openClient(host, reporter, flags.trackingUri, { retries: 2 });
  try {
    const env = { ...host.env, MLFLOW_TRACKING_URI: flags.trackingUri ?? host.env.MLFLOW_TRACKING_URI };
    if (!env.MLFLOW_TRACKING_URI?.trim()) env.MLFLOW_TRACKING_URI = client.baseUrl;
    const { work } = await import("../../serve/redis/index.ts");
    await work({
      client,
      connect: (options) => clientFromEnv(env, options),
      config,
      registry,
      baseDir: document.baseDir,
      reporter,
      outputDir: path.resolve(host.cwd, config.output),
      cacheDir: cacheFolder(host.env),
      redis,
      lock: flags.lock * 1000,
      checkpointEvery: flags.checkpointEvery * 1000,
      signal: host.signal,
    });
  } finally {
    await close();
  }
  return 0;
}

import path from "node:path";
import { readConfigDocument } from "../../comparison/config/index.ts";
import { resolve, resolveTrackingPort } from "../../container/index.ts";
import { parseRedisAddress, type RedisAddress, serve, validateServeConfig } from "../../serve/index.ts";
import { cacheFolder } from "../folders.ts";
import type { Host } from "../host.ts";
import { homeFolder, journalFolder, openClient, openTracking } from "../tracking.ts";
import { containerFor } from "./prepare.ts";

export interface ServeFlags {
  /** The server's file. */
  readonly config: string;
  /** Port of the form; 0: any. */
  readonly http?: number;
  /** Address of a Redis server. */
  readonly queue?: string;
  readonly trackingUri?: string;
  readonly quiet?: boolean;
}

/** Runs what is asked for in MLflow, until Ctrl-C. */
export async function serveCommand(host: Host, flags: ServeFlags): Promise<number> {
  const reporter = host.reporter({ quiet: flags.quiet });
  const redis = queueAddress(host, flags.queue);
  const document = await readConfigDocument(path.resolve(host.cwd, flags.config), flags.config);
  const named = flags.trackingUri ?? host.env.MLFLOW_TRACKING_URI?.trim();
  let uri = named || undefined;
  const container = await containerFor(document, {
    reporter,
    tracking: () => openTracking(host, reporter, uri),
  });
  const registry = resolve(container, "registry");
  const config = validateServeConfig(document, registry);
  // It looks again anyway: a server that is away is to be noticed soon.
  const { client, close } = await openClient(host, reporter, uri, { retries: 2 });
  try {
    // The comparisons go to the server that is watched.
    uri ??= client.baseUrl;
    const tracking = await resolveTrackingPort(container);
    try {
      await serve({
        client,
        config,
        registry,
        baseDir: document.baseDir,
        tracking,
        reporter,
        outputDir: path.resolve(host.cwd, config.output),
        cacheDir: cacheFolder(host.env),
        journals: journalFolder(host.cwd),
        folder: path.join(homeFolder(host.cwd), "serve"),
        signal: host.signal,
        announce: host.print,
        ...(redis ? { redis } : {}),
        ...(flags.http === undefined ? {} : { http: flags.http }),
      });
    } finally {
      await tracking.close();
    }
  } finally {
    await close();
  }
  return 0;
}

/** From the command line, else from DUALTAIL_QUEUE, which keeps a password out of the list of processes. */
export function queueAddress(host: Host, flag: string | undefined): RedisAddress | undefined {
  const text = flag ?? host.env.DUALTAIL_QUEUE?.trim();
  return text ? parseRedisAddress(text) : undefined;
}

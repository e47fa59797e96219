import { once } from "node:events";
import path from "node:path";
import type { Host } from "../host.ts";
import { openTrackerModule } from "../tracking.ts";

/** Opens the MLflow server that dualtail keeps, until it is interrupted. */
export async function mlflowCommand(host: Host, flags: { readonly quiet?: boolean }): Promise<number> {
  const { openManagedServer } = await openTrackerModule();
  const reporter = host.reporter({ quiet: flags.quiet });
  const { env, signal } = host;
  const server = await openManagedServer({
    env,
    folder: path.resolve(host.cwd, ".dualtail"),
    reporter,
    signal,
  });
  host.print(`MLflow at ${server.url} (Ctrl-C ends it)`);
  // A pending promise alone does not keep Node running.
  const alive = setInterval(() => {}, 60_000);
  try {
    if (!signal.aborted) await once(signal, "abort");
  } finally {
    clearInterval(alive);
    await server.stop();
  }
  return 0;
}

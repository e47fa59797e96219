import type { Host } from "../host.ts";
import { untilInterrupted } from "../interrupts.ts";
import { openManagedServer } from "../tracking.ts";

/** Opens the MLflow server that dualtail keeps, until it is interrupted. */
export async function mlflowCommand(host: Host, flags: { readonly quiet?: boolean }): Promise<number> {
  const server = await openManagedServer(host, host.reporter({ quiet: flags.quiet }));
  host.print(`MLflow at ${server.uri} (Ctrl-C ends it)`);
  try {
    await untilInterrupted(host.signal);
  } finally {
    await server.stop();
  }
  return 0;
}

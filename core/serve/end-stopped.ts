import { Interrupted } from "../comparison/execute/context.ts";
import { DualtailError } from "../errors.ts";
import type { ServeContext } from "./context.ts";
import { keepRequest } from "./kept-request.ts";
import type { QueueEntry } from "./queue.ts";
import { resolveRequest } from "./resolve-request.ts";
import { TAGS } from "./tags.ts";

/** Takes out of the queue what someone stopped just before the last process ended. @throws FileError */
export async function endStopped(context: ServeContext): Promise<void> {
  const { queue, outputDir } = context;
  for (const entry of queue.entries.filter(({ stopping }) => stopping)) {
    await keepRequest(outputDir, entry);
    await stopCells(context, entry);
    const message = `stopped when the server ended; ${TAGS.action} = resume goes on`;
    await queue.remove(entry.id, { runId: entry.runId, end: "KILLED", state: "killed", message });
  }
}

/** Workers may train on what the process that ended could not tell them to stop. */
async function stopCells(
  { cells, config, registry, baseDir }: ServeContext,
  entry: QueueEntry,
): Promise<void> {
  if (cells === undefined) return;
  try {
    const { plan } = resolveRequest(entry.request, {
      server: config,
      registry,
      baseDir,
      experiment: entry.experiment,
    });
    const orders = plan.cells
      .filter(({ kind }) => kind !== "post-hoc")
      .map(({ id, label }, index) => ({ cell: id, label, index, fingerprint: "" }));
    await cells.forEntry(entry)(entry.id, orders, AbortSignal.abort());
  } catch (error) {
    // It says that it was interrupted, as asked; or the server's file no longer allows the request.
    if (!(error instanceof Interrupted || error instanceof DualtailError)) throw error;
  }
}

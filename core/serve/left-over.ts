import { readdir } from "node:fs/promises";
import { describeError } from "../errors.ts";
import { syncToMlflow } from "../tracking/index.ts";
import { waitLine } from "../tracking/process-lock.ts";
import type { ServeContext } from "./context.ts";
import { runFolderName } from "./kept-request.ts";

/**
 * Delivers what MLflow did not take when a comparison of this server ended: it was away for long, or the process ended.
 * What is in the queue delivers itself. What fails for one run only is told. @throws TrackingError when it fails for all
 */
export async function deliverLeftOver({
  client,
  outputDir,
  queue,
  journals,
  reporter,
}: Pick<ServeContext, "client" | "outputDir" | "queue" | "journals" | "reporter">): Promise<void> {
  const folders = new Set(await readdir(outputDir).catch(() => []));
  const waiting = new Set(queue.entries.map(({ id }) => id));
  const isEnded = (id: string) => folders.has(runFolderName(id)) && !waiting.has(id);
  if (![...folders].some((name) => name.startsWith(runFolderName("")))) return;
  await syncToMlflow({
    client,
    root: journals,
    only: ({ id, parent }) => isEnded(parent ?? id),
    retries: 0,
    onFailure: ({ folder, error }) => reporter.warn(`${folder} is not uploaded: ${describeError(error)}`),
    onWait: (holder) => reporter.warn(waitLine(holder, "uploading from the same folder")),
  });
}

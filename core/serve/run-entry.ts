import { stat } from "node:fs/promises";
import { join } from "node:path";
import { runComparison } from "../comparison/prepare.ts";
import { DualtailError, describeError } from "../errors.ts";
import type { Answer } from "./answer.ts";
import { checkMemory } from "./check-memory.ts";
import type { ServeContext } from "./context.ts";
import { keepRequest, runFolderOf } from "./kept-request.ts";
import type { QueueEntry } from "./queue.ts";
import { resolveRequest } from "./resolve-request.ts";
import { type RequestState, TAGS } from "./tags.ts";
import { watchNestedRuns } from "./watched-tracking.ts";

export type Outcome = Answer & { readonly state: Extract<RequestState, "finished" | "failed" | "killed"> };

/** Runs a comparison, or goes on with it where its run folder exists. Does not throw. */
export async function runEntry(
  context: ServeContext,
  entry: QueueEntry,
  signal: AbortSignal,
): Promise<Outcome> {
  const { config, registry, baseDir, tracking, reporter, outputDir, cacheDir, cells } = context;
  const { id, experiment, request } = entry;
  const folder = runFolderOf(outputDir, id);
  try {
    const prepared = resolveRequest(request, { server: config, registry, baseDir, experiment });
    await keepRequest(outputDir, entry);
    // Of the machine that trains.
    if (cells === undefined) await checkMemory(prepared, cacheDir);
    const begun = await stat(join(folder, "state.json")).catch(() => undefined);
    const { rows, failed } = await runComparison(prepared, {
      tracking: watchNestedRuns(tracking, id),
      reporter,
      signal,
      outputDir,
      cacheDir,
      rerun: request.rerun === true,
      adopt: { id, serverId: entry.runId, folder, tags: { [TAGS.watch]: "1" } },
      ...(begun ? { resume: folder } : {}),
      ...(cells ? { trainElsewhere: cells.forEntry(entry) } : {}),
    });
    if (failed.length === 0) return { state: "finished", message: `finished: ${rows.length} rows` };
    const reasons = failed.map(({ label, reason }) => `${label}: ${reason}`).join("; ");
    return { state: "failed", message: `${failed.length} rows failed: ${reasons}` };
  } catch (error) {
    if (signal.aborted && error instanceof DualtailError) {
      return { state: "killed", message: `${error.message}; ${TAGS.action} = resume goes on` };
    }
    return { state: "failed", message: describeError(error) };
  }
}

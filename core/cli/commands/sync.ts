import { existsSync } from "node:fs";
import path from "node:path";
import { describeError } from "../../errors.ts";
import { type SyncFailure, type SyncResult, syncToMlflow } from "../../tracking/index.ts";
import { describeHolder, waitLine } from "../../tracking/process-lock.ts";
import { UsageError } from "../failure.ts";
import { EXIT, type Host } from "../host.ts";
import { openClient } from "../tracking.ts";

export interface SyncFlags {
  readonly trackingUri?: string;
  readonly quiet?: boolean;
}

/** Uploads what a comparison has kept on disk. */
export async function syncCommand(host: Host, folder: string, flags: SyncFlags): Promise<number> {
  const root = path.resolve(host.cwd, folder);
  if (!existsSync(root)) {
    throw new UsageError(`there is no folder ${root}`, {
      hint: "name the folder that the comparison printed",
    });
  }
  const reporter = host.reporter({ quiet: flags.quiet });
  const { client, close } = await openClient(host, reporter, flags.trackingUri);
  const failures: SyncFailure[] = [];
  try {
    const result = await syncToMlflow({
      root,
      client,
      onProgress: ({ done, total, run }) => {
        if (run !== "") reporter.line(`Uploading ${done + 1} of ${total}: ${run}`);
      },
      onFailure: (failure) => failures.push(failure),
      onWait: (holder) => reporter.warn(waitLine(holder, "uploading from the same folder")),
    });
    host.print(describe(result));
    if (result.refused > 0) {
      reporter.warn(
        `the server refused ${result.refused} items for good: see rejected.jsonl in the runs' folders`,
      );
    }
    for (const line of heldElsewhere(result.elsewhere)) reporter.warn(line);
  } finally {
    // Also of those before the one that ended it.
    for (const { run, folder: of, error } of failures)
      reporter.warn(`${run === undefined ? of : `${run} (${of})`} is not uploaded: ${describeError(error)}`);
    await close();
  }
  return failures.length > 0 ? EXIT.failure : 0;
}

function describe({ uploaded, unchanged, deleted, active, failed, urls }: SyncResult): string {
  const counts = [
    `${uploaded} runs uploaded`,
    `${unchanged} were there already`,
    ...(deleted > 0 ? [`${deleted} deleted on the server and left so`] : []),
    ...(active > 0 ? [`${active} being delivered by the process that writes them`] : []),
    ...(failed > 0 ? [`${failed} failed`] : []),
  ];
  return [counts.join(", "), ...urls].join("\n");
}

/** A line per process of another machine. */
function heldElsewhere(holders: SyncResult["elsewhere"]): string[] {
  const files = new Map<string, string[]>();
  for (const holder of holders) {
    const who = describeHolder(holder);
    files.set(who, [...(files.get(who) ?? []), holder.file]);
  }
  return [...files].map(
    ([who, locks]) =>
      `${who} is at some of these runs, and ends them itself; if that machine is gone, remove ${locks.join(" ")} and repeat this`,
  );
}

import { existsSync } from "node:fs";
import path from "node:path";
import { syncToMlflow } from "../../tracking/index.ts";
import { UsageError } from "../failure.ts";
import type { Host } from "../host.ts";
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
  try {
    const result = await syncToMlflow({
      root,
      client,
      onProgress: ({ done, total, run }) => {
        if (run !== "") reporter.line(`Uploading ${done + 1} of ${total}: ${run}`);
      },
    });
    const { uploaded, unchanged, deleted, active, refused, urls } = result;
    const counts = [
      `${uploaded} runs uploaded`,
      `${unchanged} were there already`,
      ...(deleted > 0 ? [`${deleted} deleted on the server and left so`] : []),
      ...(active > 0 ? [`${active} being delivered by the process that writes them`] : []),
    ];
    host.print([counts.join(", "), ...urls].join("\n"));
    if (refused > 0)
      reporter.warn(`the server refused ${refused} items for good: see rejected.jsonl in the runs' folders`);
  } finally {
    await close();
  }
  return 0;
}

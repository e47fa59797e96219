import { existsSync } from "node:fs";
import path from "node:path";
import { UsageError } from "../failure.ts";
import type { Host } from "../host.ts";
import { syncModule } from "../tracking.ts";

export interface SyncFlags {
  readonly trackingUri?: string;
  readonly quiet?: boolean;
}

/** Uploads what a comparison has kept on disk. */
export async function syncCommand(host: Host, folder: string, flags: SyncFlags): Promise<number> {
  const runFolder = path.resolve(host.cwd, folder);
  if (!existsSync(runFolder)) {
    throw new UsageError(`there is no folder ${runFolder}`, {
      hint: "name the run folder that the comparison printed",
    });
  }
  const { syncToMlflow } = await syncModule();
  const reporter = host.reporter({ quiet: flags.quiet });
  const { env, signal } = host;
  host.print(await syncToMlflow({ uri: flags.trackingUri, env, folder: runFolder, reporter, signal }));
  return 0;
}

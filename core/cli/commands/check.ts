import { checkSource, describeReport } from "../../check/index.ts";
import { UsageError } from "../failure.ts";
import { cacheFolder } from "../folders.ts";
import { EXIT, type Host } from "../host.ts";
import { styleFor } from "../progress/style.ts";

export interface CheckFlags {
  readonly json?: boolean;
  /** JSON object. */
  readonly options?: string;
  /** Files, folders and packages of plugins that it names, e.g. as its base. */
  readonly plugin?: readonly string[];
  /** False with --no-cost. */
  readonly cost?: boolean;
}

/** Checks the plugins of a file, a folder or a package, or a built-in one; fails when one of them does. */
export async function checkCommand(host: Host, plugin: string, flags: CheckFlags): Promise<number> {
  const reports = await checkSource(plugin, {
    plugins: flags.plugin ?? [],
    baseDir: host.cwd,
    cacheDir: cacheFolder(host.env),
    cost: flags.cost !== false,
    ...(flags.options === undefined ? {} : { options: parseOptions(flags.options) }),
  });
  if (flags.json) host.print(JSON.stringify(reports, null, 2));
  else {
    const style = styleFor(host.isTerminal, host.env);
    host.print(reports.map((report) => describeReport(report, style)).join("\n\n"));
  }
  return reports.every(({ passed }) => passed) ? 0 : EXIT.failure;
}

function parseOptions(text: string): Readonly<Record<string, unknown>> {
  let options: unknown;
  try {
    options = JSON.parse(text);
  } catch (cause) {
    throw new UsageError(`--options is not JSON: ${(cause as Error).message}`, {
      hint: `write it as --options '{"tau": 0.5}'`,
      cause,
    });
  }
  if (typeof options !== "object" || options === null || Array.isArray(options))
    throw new UsageError("--options is not a JSON object", { hint: `write it as --options '{"tau": 0.5}'` });
  return options as Readonly<Record<string, unknown>>;
}

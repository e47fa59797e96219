import type { Host } from "../host.ts";
import { openClient } from "../tracking.ts";

export interface RegisterFlags {
  readonly name: string;
  readonly alias: string;
  readonly resamples?: number;
  readonly trackingUri?: string;
  readonly quiet?: boolean;
}

/** Makes a finished cell's model a version of a registered model, and decides who is best. */
export async function registerCommand(host: Host, what: string, flags: RegisterFlags): Promise<number> {
  const { name, alias, resamples } = flags;
  const reporter = host.reporter({ quiet: flags.quiet });
  const { client, close } = await openClient(host, reporter, flags.trackingUri);
  try {
    const [{ findSource }, { publish }, { promote }] = await Promise.all([
      import("../register/source.ts"),
      import("../register/publish.ts"),
      import("../register/promote.ts"),
    ]);
    const source = await findSource(host, client, what, flags);
    reporter.line(`Registering ${source.run.info.runName} as ${name}`);
    const { version, made } = await publish(client, source, name);
    const { moved, reason } = await promote(
      client,
      version,
      alias,
      resamples === undefined ? {} : { resamples },
    );
    const at = `${client.baseUrl}/#/models/${encodeURIComponent(name)}/versions/${version.version}`;
    host.print(
      [
        `${source.run.info.runName}: version ${version.version} of ${name}${made ? "" : ", registered before"}`,
        `${alias}: ${moved ? `now version ${version.version}, ` : ""}${reason}`,
        `MLflow: ${at}`,
      ].join("\n"),
    );
  } finally {
    await close();
  }
  return 0;
}

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
    const [{ findSource }, { publish }, { promote }, { registeredText, versionUrl }] = await Promise.all([
      import("../register/source.ts"),
      import("../register/publish.ts"),
      import("../register/promote.ts"),
      import("../register/best-of-comparison.ts"),
    ]);
    const source = await findSource(host, client, what, flags);
    const { runName: label } = source.run.info;
    reporter.line(`Registering ${label} as ${name}`);
    const { version, made } = await publish(client, source, name);
    const decision = await promote(client, version, alias, resamples === undefined ? {} : { resamples });
    host.print(
      registeredText({
        label,
        name,
        version: version.version,
        made,
        alias: { name: alias, ...decision },
        url: versionUrl(client, version),
      }),
    );
  } finally {
    await close();
  }
  return 0;
}

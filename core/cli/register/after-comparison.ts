import path from "node:path";
import type { ComparisonResult } from "../../comparison/execution-types.ts";
import type { Reporter } from "../../container/reporter.ts";
import { DualtailError, describeError } from "../../errors.ts";
import { UsageError } from "../failure.ts";
import type { Host } from "../host.ts";
import type { OpenedTracking } from "../tracking.ts";
import type { Registered } from "./best-of-comparison.ts";

/** Before anything is run. @throws UsageError */
export function checkRegister(name: string, opened: OpenedTracking | undefined): void {
  if (!/^[^/:]+$/.test(name)) {
    throw new UsageError(`--register: MLflow has no registered model called "${name}"`, {
      hint: "choose a name without / and :",
    });
  }
  if (!opened?.client) {
    throw new UsageError("--register needs an MLflow server, and there is none", {
      hint: "name one with --tracking-uri, or leave it out and register later: dualtail register",
    });
  }
}

/** Undefined when it did not succeed, which is said; the comparison stands. */
export async function registerAfter(
  host: Host,
  result: ComparisonResult,
  { name, reporter, opened, quiet }: Registering,
): Promise<Registered | undefined> {
  try {
    const { registerBest } = await import("./best-of-comparison.ts");
    return await registerBest(host, await opened!.client!(), result, { name, reporter, quiet });
  } catch (error) {
    if (!(error instanceof DualtailError)) throw error;
    reporter.warn(
      `Nothing was registered as ${name}: ${describeError(error)}; once that is mended: npx dualtail register <a folder in ${path.join(result.folder, "cells")}> --name ${name}`,
    );
    return undefined;
  }
}

interface Registering {
  readonly name: string;
  readonly reporter: Reporter;
  readonly opened: OpenedTracking | undefined;
  readonly quiet: boolean | undefined;
}

import { silentReporter } from "../../container/reporter.ts";
import type { CliReporter, Output } from "./cli-reporter.ts";

/** Warnings only. */
export function quietReporter(output: Output): CliReporter {
  return { ...silentReporter, warn: (text) => output.write(`warning: ${text}\n`), close() {} };
}

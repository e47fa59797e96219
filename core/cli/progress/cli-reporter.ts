import { type Clock, systemClock } from "../../container/index.ts";
import type { Reporter } from "../../container/reporter.ts";
import { plainReporter } from "./plain-reporter.ts";
import { quietReporter } from "./quiet-reporter.ts";
import { styleFor } from "./style.ts";
import { terminalReporter } from "./terminal-reporter.ts";

/** A reporter that owns part of the screen. */
export interface CliReporter extends Reporter {
  /** Takes the bars off the screen and gives the cursor back; what is reported later appears as lines. */
  close(): void;
}

export interface Output {
  write(text: string): unknown;
}

export interface ReporterOptions {
  readonly quiet: boolean;
  readonly stream?: NodeJS.WriteStream;
  readonly env?: NodeJS.ProcessEnv;
  readonly clock?: Clock;
}

/** Bars on a terminal, lines elsewhere and in CI, warnings only when quiet. Goes to stderr: stdout is for results. */
export function createReporter(options: ReporterOptions): CliReporter {
  const { quiet, stream = process.stderr, env = process.env, clock = systemClock } = options;
  if (quiet) return quietReporter(stream);
  const drawable = stream.isTTY === true && !env.CI && env.TERM !== "dumb";
  return drawable ? terminalReporter(stream, clock, styleFor(true, env)) : plainReporter(stream, clock);
}

import { CommanderError } from "commander";
import { ConfigErrors, ConfigFileError } from "../comparison/config/index.ts";
import { PluginError } from "../container/index.ts";
import { ConfigError, DualtailError, describeError } from "../errors.ts";
import { EXIT } from "./host.ts";
import { InterruptedError } from "./interrupts.ts";

/** A command line that asks for something impossible. */
export class UsageError extends DualtailError {}

const USAGE = [CommanderError, UsageError, ConfigError, ConfigErrors, ConfigFileError, PluginError];

export function exitCodeOf(error: unknown): number {
  // Help and version are reported by commander as errors of code 0.
  if (error instanceof CommanderError && error.exitCode === 0) return 0;
  if (error instanceof InterruptedError) return EXIT.interrupted;
  return USAGE.some((type) => error instanceof type) ? EXIT.usage : EXIT.failure;
}

/** What to print about an error: a line per problem, and with `debug` the stacks. */
export function failureLines(error: unknown, options: { readonly debug: boolean }): string[] {
  // Commander has printed its own.
  if (error instanceof CommanderError) return [];
  const lines =
    error instanceof ConfigErrors
      ? error.errors.map(({ oneLine }) => oneLine)
      : [describeError(error) || "failed"];
  const isBug = !(error instanceof DualtailError);
  const remark = isBug && !options.debug ? " (--debug shows where)" : "";
  return [...lines.map((line) => `error: ${line}${remark}`), ...(options.debug ? stacks(error) : [])];
}

function stacks(error: unknown): string[] {
  if (!(error instanceof Error)) return [];
  return [
    error.stack ?? String(error),
    ...(error.cause === undefined ? [] : stacks(error.cause).map((s) => `caused by ${s}`)),
  ];
}

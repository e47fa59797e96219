import type { CliReporter } from "./progress/cli-reporter.ts";

/** What a command may touch of the process it runs in. */
export interface Host {
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
  /** Whether results go to a terminal. */
  readonly isTerminal: boolean;
  /** Results; nothing else goes there. */
  readonly print: (text: string) => void;
  /** Complaints about the command line. */
  readonly complain: (text: string) => void;
  /** Aborted by the first Ctrl-C. */
  readonly signal: AbortSignal;
  /** Progress and remarks, on stderr. The host closes it. */
  reporter(options: { readonly quiet?: boolean }): CliReporter;
}

/** Exit codes beyond 0. */
export const EXIT = { failure: 1, usage: 2, interrupted: 130 } as const;

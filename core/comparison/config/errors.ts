import { type ConfigError, DualtailError, FileError } from "../../errors.ts";

/** Several things wrong in one config; each is told on a line of its own. */
export class ConfigErrors extends DualtailError {
  readonly errors: readonly ConfigError[];

  constructor(errors: readonly ConfigError[]) {
    super(errors.map(({ oneLine }) => oneLine).join("\n"));
    this.errors = errors;
  }
}

/** A config file that cannot be read at all. */
export class ConfigFileError extends FileError {}

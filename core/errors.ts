/** Known to every copy of dualtail in the process: a plugin may have one of its own. */
const BRAND = Symbol.for("dualtail.error");

/** For subclasses, which inherit it, as everywhere: they mean more than the brand says. */
function hasInstance(this: unknown, value: unknown): boolean {
  if (this !== DualtailError) return Function.prototype[Symbol.hasInstance].call(this as typeof Error, value);
  return typeof value === "object" && value !== null && BRAND in value;
}

/**
 * Base of every error meant for a user: `message` says what failed and where, `hint` what to do about it.
 * The command line prints both on one line and exits non-zero; anything else is a bug and keeps its stack.
 * `instanceof DualtailError` also holds for one that another copy of dualtail made; its subclasses are each copy's own.
 */
export class DualtailError extends Error {
  static {
    Object.defineProperty(DualtailError.prototype, BRAND, { value: true });
    Object.defineProperty(DualtailError, Symbol.hasInstance, { value: hasInstance });
  }

  readonly hint: string | undefined;

  constructor(message: string, options: { hint?: string; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = new.target.name;
    this.hint = options.hint;
  }

  /** Message and hint as one line. */
  get oneLine(): string {
    return [this.message, this.hint]
      .filter(Boolean)
      .join(" — ")
      .replace(/\s*\n\s*/g, " ");
  }
}

/** A configuration, option or manifest that does not fit its schema; `path` is the JSON path. */
export class ConfigError extends DualtailError {
  readonly path: string;

  constructor(
    path: string,
    problem: string,
    options: { hint?: string; cause?: unknown; source?: string } = {},
  ) {
    super(`${options.source ? `${options.source}: ` : ""}${path || "/"}: ${problem}`, options);
    this.path = path;
  }
}

/** A file that is missing, truncated or not what its name promises. */
export class FileError extends DualtailError {
  readonly file: string;

  constructor(file: string, problem: string, options: { hint?: string; cause?: unknown } = {}) {
    super(`${file}: ${problem}`, options);
    this.file = file;
  }
}

/** Whatever was thrown, as the single line a user should read. */
export function describeError(error: unknown): string {
  if (error instanceof DualtailError) return error.oneLine;
  if (error instanceof Error) return error.message.replace(/\s*\n\s*/g, " ");
  return String(error);
}

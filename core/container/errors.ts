import { DualtailError } from "../errors.ts";

/** A plugin that cannot be loaded or does not keep to the plugin interface; `from` says where it came from. */
export class PluginError extends DualtailError {
  readonly from: string;

  constructor(from: string, problem: string, options: { hint?: string; cause?: unknown } = {}) {
    super(`plugin ${from}: ${problem}`, options);
    this.from = from;
  }
}

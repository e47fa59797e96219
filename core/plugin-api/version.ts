/** Major version of this interface; a plugin built against another is refused. */
export const PLUGIN_API_VERSION = 1;

/** What every `define…` function adds to a plugin. */
export interface Versioned {
  /**
   * `PLUGIN_API_VERSION` of the copy of dualtail that the plugin was defined with: a plugin that brings a copy of its
   * own carries that copy's version. Objects written by hand may leave it out.
   */
  readonly apiVersion?: number;
}

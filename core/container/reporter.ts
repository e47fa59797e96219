/** One piece of long work under way. */
export interface Stage {
  /** `count` more units are done. */
  advance(count: number): void;
  /** Ends the stage; `note` is shown beside its summary. Calling it again does nothing. */
  done(note?: string): void;
}

/** The port through which long work tells how far it is; the command line draws bars or prints lines. */
export interface Reporter {
  /** Starts a stage of `total` units ("images", "steps"); 0 means the total is not known. */
  stage(label: string, total: number, unit: string): Stage;
  /** A line for the user. */
  line(text: string): void;
  /** A line about something that may be wrong; shown even when quiet. */
  warn(text: string): void;
}

/** Reports nothing: for tests and for use as a library. */
export const silentReporter: Reporter = {
  stage: () => ({ advance() {}, done() {} }),
  line() {},
  warn() {},
};

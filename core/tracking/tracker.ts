/** The port through which everything is tracked; it knows nothing of MLflow. */

/** How a run ended. */
export type RunStatus = "FINISHED" | "FAILED" | "KILLED";

/** One value of one metric at one step. */
export interface MetricPoint {
  readonly key: string;
  readonly value: number;
  readonly step: number;
  /** Milliseconds since the epoch. */
  readonly timestamp: number;
}

/** A split of a dataset that a run used. */
export interface DatasetInput {
  readonly name: string;
  readonly digest: string;
  readonly source: string;
  /** Context tag: "training", "validation" or "test". */
  readonly context: string;
  /** E.g. class names, split sizes; serialised as JSON. */
  readonly schema?: unknown;
  readonly profile?: unknown;
}

/** A trained model in a folder of files, as programs beside this one load it. */
export interface ModelOutput {
  /** One path segment. Logged again under the same name, it takes the earlier one's place. */
  readonly name: string;
  /** `path` is relative in the model's folder, with forward slashes. */
  readonly files: readonly { readonly path: string; readonly file: string }[];
  /** What is said of it where models are only files of a run; serialised as JSON. */
  readonly summary: Readonly<Record<string, unknown>>;
}

/**
 * A run that is being written. What is logged may be delivered later, in this order. A method that rejects with a
 * DualtailError fails the row that the run is of (the parent's: the comparison); any other error ends the comparison.
 */
export interface TrackedRun {
  /** What `resumeRun` takes; not always the id that a server gave it. */
  readonly id: string;
  /** Page of this run for a person, once there is one: a server may have the run later than its writer. Read it late. */
  readonly url?: string;
  /** A key that an earlier process gave a value keeps it. */
  logParams(params: Readonly<Record<string, string | number | boolean>>): Promise<void>;
  /**
   * A run that goes on says again what it said after its last checkpoint: where an earlier process gave a key a value at a
   * step, that point stays and the new one is left out. `revise`: a newest point with another value is followed by the new.
   */
  logMetrics(points: readonly MetricPoint[], options?: { readonly revise?: boolean }): Promise<void>;
  /** Sets tags, or replaces their values. */
  setTags(tags: Readonly<Record<string, string>>): Promise<void>;
  /** Records what data the run used. */
  logInputs(inputs: readonly DatasetInput[]): Promise<void>;
  /** `path` is relative inside the run's artifacts, with forward slashes. */
  logArtifact(path: string, content: string | Uint8Array): Promise<void>;
  /** The same with the content of a file. */
  logArtifactFile(path: string, file: string): Promise<void>;
  /** Logs what the run has trained. When it finishes, its metrics `test/…` become the model's, on the test dataset. */
  logModel(model: ModelOutput): Promise<void>;
  /** Ends the run; `reason` is kept as the tag `dualtail.reason` (shown in the run's page) when it failed or was killed. */
  finish(status: RunStatus, reason?: string): Promise<void>;
}

/** A run to begin. */
export interface StartRun {
  readonly name: string;
  /**
   * Of a run that may be there: made by someone else on the server for us to write, or begun by a process that died. 32
   * hex digits, its tag `dualtail.run_id`. It goes on as that run, or is made.
   */
  readonly id?: string;
  /** With `id`: the server's id of that run, where it is known to be there. Nobody else's run is taken for it then. */
  readonly serverId?: string;
  readonly parent?: TrackedRun;
  readonly tags?: Readonly<Record<string, string>>;
}

/** A run that ended well, possibly in another process. */
export interface FinishedRun {
  /** The server's id. */
  readonly id: string;
  /** What it is called where it was written: the id of its `TrackedRun`. */
  readonly ownId?: string;
  /** Page of this run for a person. */
  readonly url?: string;
  readonly tags: Readonly<Record<string, string>>;
  /** Newest values; none that is not finite. */
  readonly metrics: Readonly<Record<string, number>>;
  /** Undefined when the run has no such artifact, or none that can be read from here. */
  artifact(path: string): Promise<Uint8Array | undefined>;
}

/**
 * What runs of one experiment are written with: a parent run per comparison, nested runs with `parent` for its rows. Methods
 * may be called while others of other runs have not ended.
 */
export interface Tracker {
  /** For a person: where the data goes ("MLflow at http://…", "the folder …"). */
  readonly description: string;
  /** Page of the experiment, once there is one. */
  readonly experimentUrl?: string;
  /** Begins a run. */
  startRun(run: StartRun): Promise<TrackedRun>;
  /** Opens an existing run again (resume). */
  resumeRun(id: string, name: string): Promise<TrackedRun>;
  /**
   * The finished runs of the experiment that have this tag, newest first. Absent: earlier runs cannot be asked for. Where
   * the work can do without them, a server that does not answer has none.
   * @throws TrackingError when they are `needed` and the server does not answer
   */
  finishedRuns?(tag: string, options?: { readonly needed?: boolean }): Promise<readonly FinishedRun[]>;
  /** Delivers what is pending, as far as that is possible, and releases resources. */
  close(): Promise<void>;
}

/** Opens a tracker on one experiment, creating the experiment when missing. */
export type OpenTracker = (experiment: string) => Promise<Tracker>;

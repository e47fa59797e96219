/** The port through which everything is tracked; it knows nothing of MLflow. */

export type RunStatus = "FINISHED" | "FAILED" | "KILLED";

export interface MetricPoint {
  readonly key: string;
  readonly value: number;
  readonly step: number;
  /** Milliseconds since the epoch. */
  readonly timestamp: number;
}

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

export interface TrackedRun {
  /** What `resumeRun` takes; not always the id that a server gave it. */
  readonly id: string;
  /** Page of this run for a person, once there is one: a server may have the run later than its writer. Read it late. */
  readonly url?: string;
  logParams(params: Readonly<Record<string, string | number | boolean>>): Promise<void>;
  logMetrics(points: readonly MetricPoint[]): Promise<void>;
  setTags(tags: Readonly<Record<string, string>>): Promise<void>;
  logInputs(inputs: readonly DatasetInput[]): Promise<void>;
  /** `path` is relative inside the run's artifacts, with forward slashes. */
  logArtifact(path: string, content: string | Uint8Array): Promise<void>;
  logArtifactFile(path: string, file: string): Promise<void>;
  /** Ends the run; `reason` is kept as the tag `dualtail.reason` (shown in the run's page) when it failed or was killed. */
  finish(status: RunStatus, reason?: string): Promise<void>;
}

export interface StartRun {
  readonly name: string;
  /**
   * Of a run that someone else made on the server and that waits to be written by us: 32 hex digits, its tag
   * `dualtail.run_id`. It goes on as that run.
   */
  readonly id?: string;
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

export interface Tracker {
  /** For a person: where the data goes ("MLflow at http://…", "the folder …"). */
  readonly description: string;
  /** Page of the experiment, once there is one. */
  readonly experimentUrl?: string;
  startRun(run: StartRun): Promise<TrackedRun>;
  /** Opens an existing run again (resume). */
  resumeRun(id: string, name: string): Promise<TrackedRun>;
  /** The finished runs of the experiment that have this tag, newest first. Absent: earlier runs cannot be asked for. */
  finishedRuns?(tag: string): Promise<readonly FinishedRun[]>;
  /** Delivers what is pending, as far as that is possible, and releases resources. */
  close(): Promise<void>;
}

/** Opens a tracker on one experiment, creating the experiment when missing. */
export type OpenTracker = (experiment: string) => Promise<Tracker>;

import type { OpenTracker } from "../tracking/tracker.ts";
import type { PluginRegistry } from "./registry.ts";
import type { Reporter } from "./reporter.ts";

/** Time, as the command line's reporters see it; replaced in tests. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
}

export const systemClock: Clock = { now: () => Date.now() };

/** How a comparison's data gets to wherever it is kept, and how to say so. */
export interface Tracking {
  /** Called once per comparison, with its experiment; what it gives is closed when the comparison has ended. */
  readonly open: OpenTracker;
  /** For a person: "MLflow at http://…". */
  readonly description: string;
  /** Lets go of what was started for it. Called by whoever opened it, never by a comparison. */
  close(): Promise<void>;
}

/** Runs comparisons. What it is given and gives is said by core/comparison, which is built on this room. */
export type AnyExecutor = (options: never) => Promise<unknown>;

/** Binding identifiers of the container. */
export const Ports = {
  registry: Symbol.for("dualtail.registry"),
  reporter: Symbol.for("dualtail.reporter"),
  tracking: Symbol.for("dualtail.tracking"),
  executor: Symbol.for("dualtail.executor"),
  signal: Symbol.for("dualtail.signal"),
} as const;

/** What each port resolves to. */
export interface PortTypes {
  readonly registry: PluginRegistry;
  readonly reporter: Reporter;
  readonly tracking: Tracking;
  readonly executor: AnyExecutor;
  readonly signal: AbortSignal;
}

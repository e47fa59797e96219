import type { OpenTracker } from "../tracking/tracker.ts";
import { PLUGIN_KINDS, type PluginKind } from "./kinds.ts";
import type { PluginRegistry } from "./registry.ts";
import type { Reporter } from "./reporter.ts";

/** Time, as the rest of the project sees it; replaced in tests. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
}

export const systemClock: Clock = { now: () => Date.now() };

/** How a comparison's data gets to wherever it is kept, and how to say so. */
export interface Tracking {
  readonly open: OpenTracker;
  /** For a person: "MLflow at http://…". */
  readonly description: string;
  /** Lets go of what was started for it. */
  close(): Promise<void>;
}

/** Binding identifiers of the container. */
export const Ports = {
  /** Multi-binding: one RegisteredPlugin per plugin of the kind. */
  plugin: Object.fromEntries(
    PLUGIN_KINDS.map((kind) => [kind, Symbol.for(`dualtail.plugin.${kind}`)]),
  ) as Readonly<Record<PluginKind, symbol>>,
  registry: Symbol.for("dualtail.registry"),
  clock: Symbol.for("dualtail.clock"),
  reporter: Symbol.for("dualtail.reporter"),
  tracking: Symbol.for("dualtail.tracking"),
} as const;

/** What each single-valued port resolves to. */
export interface PortTypes {
  readonly registry: PluginRegistry;
  readonly clock: Clock;
  readonly reporter: Reporter;
  readonly tracking: Tracking;
}

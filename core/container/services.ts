import { Container } from "inversify";
import { type AnyExecutor, Ports, type Tracking } from "./ports.ts";
import type { Reporter } from "./reporter.ts";

/** What an application brings in place of what dualtail has; each may be left out. */
export interface Services<E extends AnyExecutor = AnyExecutor> {
  /** Lines, warnings and progress; silent when absent. */
  readonly reporter?: Reporter;
  /**
   * Where runs are kept. A function is called when tracking is first asked for, once, and again only after it rejected.
   * Who opened it closes it.
   */
  readonly tracking?: Tracking | (() => Promise<Tracking>);
  /** Runs a comparison that is planned. */
  readonly executor?: E;
  /** Aborted to stop: the step in hand is finished, a checkpoint left, runs are marked KILLED. */
  readonly signal?: AbortSignal;
}

/** Binds those that are given. */
export function bindServices<E extends AnyExecutor>(
  container: Container,
  { reporter, tracking, executor, signal }: Services<E>,
): void {
  if (reporter) container.bind<Reporter>(Ports.reporter).toConstantValue(reporter);
  if (typeof tracking === "function")
    container.bind<Promise<Tracking>>(Ports.tracking).toDynamicValue(remembered(tracking)).inTransientScope();
  else if (tracking) container.bind<Tracking>(Ports.tracking).toConstantValue(tracking);
  if (executor) container.bind<AnyExecutor>(Ports.executor).toConstantValue(executor);
  if (signal) container.bind<AbortSignal>(Ports.signal).toConstantValue(signal);
}

/** Calls once, unless that rejects: a container's own singletons would reject for good. */
function remembered<T>(open: () => Promise<T>): () => Promise<T> {
  let opened: Promise<T> | undefined;
  return () => {
    opened ??= open().catch((error: unknown) => {
      opened = undefined;
      throw error;
    });
    return opened;
  };
}

/**
 * A container for one run: what is given is used in it, everything else is the parent's, which does not change. Any
 * number of scopes may be in use at the same time.
 */
export function runScope<E extends AnyExecutor>(parent: Container, services: Services<E>): Container {
  const scope = new Container({ parent, defaultScope: "Singleton" });
  bindServices(scope, services);
  return scope;
}

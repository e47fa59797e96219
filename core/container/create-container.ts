import { Container } from "inversify";
import { builtinFolder, discoverBuiltins } from "./discover.ts";
import { PLUGIN_KINDS } from "./kinds.ts";
import { importPlugins, locatePlugin, type RegisteredPlugin } from "./load-plugins.ts";
import { type Clock, Ports, type PortTypes, systemClock, type Tracking } from "./ports.ts";
import { createRegistry, type PluginRegistry } from "./registry.ts";
import { type Reporter, silentReporter } from "./reporter.ts";

export interface ContainerOptions {
  /** Files and npm packages named by the user; nothing else is imported. */
  readonly plugins?: readonly string[];
  /** Where relative files and packages are looked for; default the working directory. */
  readonly baseDir?: string;
  /** Where the built-in plugins are, for tests. */
  readonly builtins?: string;
  readonly clock?: Clock;
  readonly reporter?: Reporter;
  /** Called when tracking is first asked for. */
  readonly tracking?: () => Promise<Tracking>;
}

/**
 * The composition root: every plugin bound to the port of its kind, and the host's services to theirs. Plugins are
 * plain objects bound as constants, so their authors need no decorators.
 * @throws PluginError for a plugin that does not load, is not valid, or has the name of another.
 */
export async function createContainer(options: ContainerOptions = {}): Promise<Container> {
  const { plugins = [], baseDir = process.cwd(), builtins = builtinFolder } = options;
  const container = new Container({ defaultScope: "Singleton" });
  const named = [...new Set(plugins)].map((specifier) => locatePlugin(specifier, baseDir));
  const sources = [...(await discoverBuiltins(builtins)), ...named];
  for (const found of await Promise.all(sources.map(importPlugins))) {
    for (const registered of found)
      container.bind<RegisteredPlugin>(Ports.plugin[registered.plugin.kind]).toConstantValue(registered);
  }
  const registered = PLUGIN_KINDS.flatMap((kind) => container.getAll<RegisteredPlugin>(Ports.plugin[kind]));
  container.bind<PluginRegistry>(Ports.registry).toConstantValue(createRegistry(registered));
  container.bind<Clock>(Ports.clock).toConstantValue(options.clock ?? systemClock);
  container.bind<Reporter>(Ports.reporter).toConstantValue(options.reporter ?? silentReporter);
  const { tracking } = options;
  if (tracking) container.bind<Promise<Tracking>>(Ports.tracking).toDynamicValue(() => tracking());
  return container;
}

/** Resolves a single-valued port with its type. */
export function resolve<P extends Exclude<keyof PortTypes, "tracking">>(
  container: Container,
  port: P,
): PortTypes[P] {
  return container.get<PortTypes[P]>(Ports[port]);
}

/** Opens whatever tracking is bound. */
export function resolveTrackingPort(container: Container): Promise<Tracking> {
  return container.getAsync<Tracking>(Ports.tracking);
}

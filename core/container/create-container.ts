import { Container } from "inversify";
import { builtinFolder, discoverBuiltins } from "./discover.ts";
import { importPlugins, locatePlugin, type RegisteredPlugin } from "./load-plugins.ts";
import { loadEntries, type PluginEntry, replaceAmong } from "./plugin-entry.ts";
import { type AnyExecutor, Ports, type PortTypes, type Tracking } from "./ports.ts";
import { createRegistry, type PluginRegistry } from "./registry.ts";
import { silentReporter } from "./reporter.ts";
import { bindServices, runScope, type Services } from "./services.ts";

export interface ContainerOptions<E extends AnyExecutor = AnyExecutor> extends Services<E> {
  /** Beside the built-in ones: files and npm packages by name, plugin objects. Nothing else is imported. */
  readonly plugins?: readonly PluginEntry[];
  /** In place of those of the same kind and name. */
  readonly replace?: readonly PluginEntry[];
  /** Where relative files and packages are looked for; default the working directory. */
  readonly baseDir?: string;
  /** Where the built-in plugins are, for tests. */
  readonly builtins?: string;
}

/**
 * The composition root: every plugin in the registry, which is bound to its port, and the host's services to theirs. Plugins
 * are plain objects, so their authors need no decorators.
 * @throws PluginError for a plugin that does not load, is not valid, has the name of another, or replaces none.
 */
export async function createContainer<E extends AnyExecutor = AnyExecutor>(
  options: ContainerOptions<E> = {},
): Promise<Container> {
  const { plugins = [], replace = [], baseDir = process.cwd(), builtins = builtinFolder } = options;
  const [builtin, own, replacements] = await Promise.all([
    discoverBuiltins(builtins).then((sources) => Promise.all(sources.map(importPlugins))),
    loadEntries(plugins, baseDir),
    loadEntries(replace, baseDir),
  ]);
  const container = new Container({ defaultScope: "Singleton" });
  bindPlugins(container, replaceAmong([...builtin.flat(), ...own], replacements));
  const { reporter = silentReporter, signal = new AbortController().signal } = options;
  bindServices(container, { ...options, reporter, signal });
  return container;
}

/**
 * A scope with further files and packages; those that the parent has already are left as they are.
 * @throws PluginError as `createContainer`
 */
export async function withPlugins(
  parent: Container,
  specifiers: readonly string[],
  baseDir: string,
): Promise<Container> {
  const known = resolve(parent, "registry").list();
  const files = new Set(known.map(({ code }) => code?.file));
  const missing = specifiers.filter((specifier) => !files.has(locatePlugin(specifier, baseDir).file));
  if (missing.length === 0) return parent;
  const scope = runScope(parent, {});
  bindPlugins(scope, [...known, ...(await loadEntries(missing, baseDir))]);
  return scope;
}

/** @throws PluginError when two of a kind have the same name */
function bindPlugins(container: Container, plugins: readonly RegisteredPlugin[]): void {
  container.bind<PluginRegistry>(Ports.registry).toConstantValue(createRegistry(plugins));
}

/**
 * What a container has for a port, with its type.
 * @param port "registry" (every plugin, by kind and name), "reporter" or "signal"
 */
export function resolve<P extends Exclude<keyof PortTypes, "tracking" | "executor">>(
  container: Container,
  port: P,
): PortTypes[P] {
  return container.get<PortTypes[P]>(Ports[port]);
}

/** Opens whatever tracking is bound. */
export function resolveTrackingPort(container: Container): Promise<Tracking> {
  return container.getAsync<Tracking>(Ports.tracking);
}

import { PluginError } from "../container/index.ts";
import { ConfigError } from "../errors.ts";
import { type ConfigDocument, pluginsNamedBy } from "./config/index.ts";

/**
 * Loads the plugins that a config names.
 * @param load rejects with a PluginError for one that does not load
 * @throws ConfigError saying where in the config that one stands
 */
export async function loadNamedPlugins<T>(
  document: ConfigDocument,
  load: (plugins: readonly string[], baseDir: string) => Promise<T>,
): Promise<T> {
  const plugins = pluginsNamedBy(document);
  return load(plugins, document.baseDir).catch((error: unknown) => {
    const index =
      error instanceof PluginError ? plugins.findIndex((name) => error.from.startsWith(name)) : -1;
    if (index < 0) throw error;
    const { message, hint, cause } = error as PluginError;
    throw document.locate(new ConfigError(`/plugins/${index}`, message, { hint, cause }));
  });
}

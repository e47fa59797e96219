import path from "node:path";
import {
  type ComparisonConfig,
  type ConfigDocument,
  pluginsNamedBy,
  readConfigDocument,
} from "../../comparison/config/index.ts";
import { type Overrides, type PreparedComparison, prepareDocument } from "../../comparison/prepare.ts";
import { type ContainerOptions, createContainer, PluginError, resolve } from "../../container/index.ts";
import { ConfigError } from "../../errors.ts";

type Services = Omit<ContainerOptions, "plugins" | "baseDir">;
type Container = Awaited<ReturnType<typeof createContainer>>;

export interface Prepared extends PreparedComparison {
  readonly container: Container;
}

/**
 * Everything that can be known before anything is run: the config read and checked, its plugins loaded, the plan made.
 * @throws ConfigError, ConfigErrors or PluginError, each saying where in the file.
 */
export async function prepareComparison(
  file: string,
  cwd: string,
  overrides: Overrides,
  services: Services,
): Promise<Prepared> {
  const document = await readConfigDocument(path.resolve(cwd, file), file);
  const container = await containerFor(document, services);
  return { ...prepareDocument(document, resolve(container, "registry"), overrides), container };
}

/** A container with the plugins that a file names. @throws ConfigError for one that does not load, PluginError */
export async function containerFor(document: ConfigDocument, services: Services): Promise<Container> {
  const plugins = pluginsNamedBy(document);
  const { baseDir } = document;
  return createContainer({ ...services, plugins, baseDir }).catch((error: unknown) => {
    const index =
      error instanceof PluginError ? plugins.findIndex((name) => error.from.startsWith(name)) : -1;
    if (index < 0) throw error;
    const { message, hint, cause } = error as PluginError;
    throw document.locate(new ConfigError(`/plugins/${index}`, message, { hint, cause }));
  });
}

/** The folder for runs: relative to where dualtail was started. */
export const outputFolder = (config: ComparisonConfig, cwd: string): string =>
  path.resolve(cwd, config.output);

import path from "node:path";
import {
  type ComparisonConfig,
  type ConfigDocument,
  readConfigDocument,
} from "../../comparison/config/index.ts";
import { loadNamedPlugins } from "../../comparison/named-plugins.ts";
import { type Overrides, type PreparedComparison, prepareDocument } from "../../comparison/prepare.ts";
import { type ContainerOptions, createContainer, resolve } from "../../container/index.ts";

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
export const containerFor = (document: ConfigDocument, services: Services): Promise<Container> =>
  loadNamedPlugins(document, (plugins, baseDir) => createContainer({ ...services, plugins, baseDir }));

/** The folder for runs: relative to where dualtail was started. */
export const outputFolder = (config: ComparisonConfig, cwd: string): string =>
  path.resolve(cwd, config.output);

import path from "node:path";
import {
  type ComparisonConfig,
  type ConfigDocument,
  type Device,
  pluginsNamedBy,
  readConfigDocument,
  validateConfig,
} from "../../comparison/config/index.ts";
import { type Plan, planComparison } from "../../comparison/plan/index.ts";
import {
  type ContainerOptions,
  createContainer,
  PluginError,
  type PluginRegistry,
  resolve,
} from "../../container/index.ts";
import { ConfigError } from "../../errors.ts";

/** What the command line may say instead of the config. */
export interface Overrides {
  readonly device?: Device;
  readonly threads?: number;
  readonly output?: string;
}

export interface Prepared {
  readonly document: ConfigDocument;
  readonly config: ComparisonConfig;
  readonly registry: PluginRegistry;
  readonly container: Awaited<ReturnType<typeof createContainer>>;
  readonly plan: Plan;
}

/**
 * Everything that can be known before anything is run: the config read and checked, its plugins loaded, the plan made.
 * @throws ConfigError, ConfigErrors or PluginError, each saying where in the file.
 */
export async function prepareComparison(
  file: string,
  cwd: string,
  overrides: Overrides,
  services: Omit<ContainerOptions, "plugins" | "baseDir">,
): Promise<Prepared> {
  const document = await readConfigDocument(path.resolve(cwd, file), file);
  const plugins = pluginsNamedBy(document);
  const { baseDir } = document;
  const container = await createContainer({ ...services, plugins, baseDir }).catch((error: unknown) => {
    const index =
      error instanceof PluginError ? plugins.findIndex((name) => error.from.startsWith(name)) : -1;
    if (index < 0) throw error;
    const { message, hint, cause } = error as PluginError;
    throw document.locate(new ConfigError(`/plugins/${index}`, message, { hint, cause }));
  });
  const registry = resolve(container, "registry");
  const checked = validateConfig(document, registry);
  const config = { ...checked, ...definedOnly(overrides) };
  try {
    return { document, config, registry, container, plan: planComparison(config, registry) };
  } catch (error) {
    throw error instanceof ConfigError ? document.locate(error) : error;
  }
}

const definedOnly = ({ device, threads, output }: Overrides): Overrides => ({
  ...(device === undefined ? {} : { device }),
  ...(threads === undefined ? {} : { threads }),
  ...(output === undefined ? {} : { output }),
});

/** The folder for runs: relative to where dualtail was started. */
export const outputFolder = (config: ComparisonConfig, cwd: string): string =>
  path.resolve(cwd, config.output);

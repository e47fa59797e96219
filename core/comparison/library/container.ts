import type { Container } from "inversify";
import * as root from "../../container/index.ts";
import type { ExecuteComparison } from "../execution-types.ts";

/** What an application brings of its own: `reporter`, `tracking`, `executor`, `signal`; each may be left out. */
export type Services = root.Services<ExecuteComparison>;

/** `Services`, and the plugins: beside the built-in ones (`plugins`) or in place of one (`replace`). */
export type ContainerOptions = Omit<root.ContainerOptions<ExecuteComparison>, "builtins">;

/**
 * A container with the built-in plugins, the application's plugins and its services, for `compare`. Loads no
 * onnxruntime and opens nothing: a tracking that is given as a function is called by the first comparison.
 * @throws PluginError for a plugin that does not load, is not valid, has the name of another, or replaces none
 */
export const createContainer = (options: ContainerOptions = {}): Promise<Container> =>
  root.createContainer(options);

/**
 * A container for one run: what is given is used in it, everything else is the parent's, which does not change. Scopes
 * may be in use at the same time; their trackers and reporters do not mix.
 */
export const runScope = (container: Container, services: Services): Container =>
  root.runScope(container, services);

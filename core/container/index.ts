export {
  type ContainerOptions,
  createContainer,
  resolve,
  resolveTrackingPort,
  withPlugins,
} from "./create-container.ts";
export { PluginError } from "./errors.ts";
export { type AnyPlugin, KINDS, PLUGIN_KINDS, type PluginByKind, type PluginKind } from "./kinds.ts";
export type { RegisteredPlugin } from "./load-plugins.ts";
export type { PluginEntry } from "./plugin-entry.ts";
export { type AnyExecutor, type Clock, Ports, type PortTypes, systemClock, type Tracking } from "./ports.ts";
export { type CheckedOptions, createRegistry, type PluginOptions, type PluginRegistry } from "./registry.ts";
export { runScope, type Services } from "./services.ts";

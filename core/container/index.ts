export { type ContainerOptions, createContainer, resolve, resolveTrackingPort } from "./create-container.ts";
export { PluginError } from "./errors.ts";
export { type AnyPlugin, KINDS, PLUGIN_KINDS, type PluginByKind, type PluginKind } from "./kinds.ts";
export type { RegisteredPlugin } from "./load-plugins.ts";
export { type Clock, Ports, systemClock, type Tracking } from "./ports.ts";
export { type CheckedOptions, createRegistry, type PluginOptions, type PluginRegistry } from "./registry.ts";

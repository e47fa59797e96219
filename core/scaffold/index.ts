export { createPlugin, type Language, LOSS_MODES, type LossMode, type NewPlugin } from "./create-plugin.ts";
export { checkPluginName } from "./plugin-name.ts";

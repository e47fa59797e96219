export { type ConfigDocument, parseConfigDocument, readConfigDocument } from "./document.ts";
export { ConfigErrors, ConfigFileError } from "./errors.ts";
export { loadConfig, pluginsNamedBy, validateConfig } from "./load.ts";
export { objectDocument } from "./object-document.ts";
export { type AdamWOptions, OPTIMIZERS, type OptimizerConfig, type SgdOptions } from "./optimizers.ts";
export { publishedComparisonSchema } from "./published-schema.ts";
export type * from "./types.ts";
export { DEVICES } from "./types.ts";

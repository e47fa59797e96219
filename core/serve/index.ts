export { type ServeConfig, serveSchema, validateServeConfig } from "./config/index.ts";
export { type ServeOptions, serve } from "./serve.ts";

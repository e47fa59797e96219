export { validateServeConfig } from "./load.ts";
export { serveSchema } from "./schema.ts";
export type * from "./types.ts";

export { type ServeConfig, serveSchema, validateServeConfig } from "./config/index.ts";
export { parseRedisAddress, type RedisAddress } from "./redis/address.ts";
export { type ServeOptions, serve } from "./serve.ts";

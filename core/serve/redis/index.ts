export { openCellQueue } from "./cell-queue.ts";
export { checkRedis } from "./connect.ts";
export { type WorkOptions, work } from "./work.ts";

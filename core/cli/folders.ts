export { cacheFolder } from "../comparison/cache-folder.ts";

import { homedir } from "node:os";
import path from "node:path";

/**
 * Folder for what survives between comparisons: DUALTAIL_CACHE, else `dualtail` in the system's cache folder
 * (XDG_CACHE_HOME, ~/Library/Caches, %LOCALAPPDATA%, ~/.cache).
 */
export function cacheFolder(env: NodeJS.ProcessEnv, platform: NodeJS.Platform = process.platform): string {
  if (env.DUALTAIL_CACHE) return path.resolve(env.DUALTAIL_CACHE);
  const home = homedir();
  const system: Partial<Record<NodeJS.Platform, string>> = {
    darwin: path.join(home, "Library", "Caches"),
    win32: env.LOCALAPPDATA ?? path.join(home, "AppData", "Local"),
  };
  // The XDG specification has relative paths ignored.
  const xdg = env.XDG_CACHE_HOME && path.isAbsolute(env.XDG_CACHE_HOME) ? env.XDG_CACHE_HOME : undefined;
  return path.join(xdg ?? system[platform] ?? path.join(home, ".cache"), "dualtail");
}

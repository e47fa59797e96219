import { homedir } from "node:os";
import { join } from "node:path";

export type Env = Readonly<Record<string, string | undefined>>;

const set = (value: string | undefined): string | undefined => (value?.trim() ? value.trim() : undefined);

/** The folder that every Hugging Face library on this machine shares. */
export function hubCache(env: Env): string {
  const home = set(env.HF_HOME) ?? join(set(env.XDG_CACHE_HOME) ?? join(homedir(), ".cache"), "huggingface");
  return set(env.HF_HUB_CACHE) ?? set(env.HUGGINGFACE_HUB_CACHE) ?? join(home, "hub");
}

export const hubUrl = (env: Env): string =>
  (set(env.HF_ENDPOINT) ?? "https://huggingface.co").replace(/\/+$/, "");

export const hubToken = (env: Env): string | undefined => set(env.HF_TOKEN);

export const isOffline = (env: Env): boolean => /^(1|true|yes|on)$/i.test(set(env.HF_HUB_OFFLINE) ?? "");

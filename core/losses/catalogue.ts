import type { LossPlugin } from "../plugin-api/index.ts";

/**
 * The losses that come with dualtail, sorted by name. Loads all of them; one alone is `dualtail/losses/<name>`. Their
 * options are those of their schema.
 */
export async function listLosses(): Promise<readonly LossPlugin<Record<string, unknown>>[]> {
  const { createContainer, resolve } = await import("../container/index.ts");
  const registry = resolve(await createContainer(), "registry");
  return registry.list("loss").map(({ plugin }) => plugin as LossPlugin<Record<string, unknown>>);
}

import { rm } from "node:fs/promises";
import type { TestProject } from "vitest/node";
import { compileSources } from "./compile-sources.ts";
import { onDemand } from "./on-demand.ts";

declare module "vitest" {
  export interface ProvidedContext {
    /** On demand: folder that the sources were compiled into. */
    readonly compiler: string;
  }
}

/** Sources are compiled once per vitest run for all processes that its tests start. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const compiled = await onDemand(compileSources, (folder) => folder);
  project.provide("compiler", compiled.url);
  return async () => {
    compiled.close();
    const folder = await compiled.begun()?.catch(() => undefined);
    if (folder) await rm(folder, { recursive: true });
  };
}

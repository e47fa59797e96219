import type { JsonSchema } from "./schema.ts";

/** Where a checkpoint lives: a local folder, or a repository on the Hugging Face hub. */
export type CheckpointLocation =
  | { readonly kind: "folder"; readonly path: string }
  | { readonly kind: "hub"; readonly repo: string; readonly revision: string };

export interface BackbonePlugin<O = Record<string, unknown>> {
  readonly kind: "backbone";
  readonly name: string;
  readonly summary: string;
  readonly options: JsonSchema;
  /** Relative folders are relative to `baseDir` (the config file's folder). */
  locate(options: O, context: { readonly baseDir: string }): CheckpointLocation;
}

/** Declares a backbone provider. */
export function defineBackbone<O>(plugin: Omit<BackbonePlugin<O>, "kind">): BackbonePlugin<O> {
  return { kind: "backbone", ...plugin };
}

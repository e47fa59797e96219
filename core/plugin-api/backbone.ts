import { resolve } from "node:path";
import { ConfigError } from "../errors.ts";
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

/** A published checkpoint. */
export interface HubCheckpoint {
  readonly repo: string;
  readonly summary: string;
}

export interface HubBackboneOptions {
  readonly checkpoint: string;
  readonly revision: string;
  readonly repo?: string;
  readonly folder?: string;
}

/** Declares a backbone provider by the checkpoints it has published on the Hugging Face hub. */
export function defineHubBackbone(provider: {
  readonly name: string;
  readonly summary: string;
  readonly checkpoints: Readonly<Record<string, HubCheckpoint>>;
  /** Key in `checkpoints`. */
  readonly default: string;
}): BackbonePlugin<HubBackboneOptions> {
  const { name, summary, checkpoints } = provider;
  const list = Object.entries(checkpoints).map(([key, { repo, summary }]) => `${key}: ${summary} (${repo})`);
  return defineBackbone({
    name,
    summary,
    options: {
      type: "object",
      properties: {
        checkpoint: {
          enum: Object.keys(checkpoints),
          default: provider.default,
          description: `Which published checkpoint to use; ${list.join("; ")}`,
        },
        folder: {
          type: "string",
          minLength: 1,
          description: "Local folder in Hugging Face layout to use instead of a published checkpoint",
        },
        repo: {
          type: "string",
          pattern: "^\\w[\\w.-]*/\\w[\\w.-]*$",
          description: "Repository on the Hugging Face hub (owner/name) to use instead of `checkpoint`",
        },
        revision: {
          type: "string",
          pattern: "^(?!.*\\.\\.)\\w[\\w.-]*(/[\\w.-]+)*$",
          default: "main",
          description: "Branch, tag or commit of the repository",
        },
      },
      additionalProperties: false,
    },
    locate({ folder, repo, checkpoint, revision }, { baseDir }) {
      if (folder !== undefined && repo !== undefined) {
        throw new ConfigError("/repo", `backbone ${name}: \`folder\` and \`repo\` exclude each other`, {
          hint: "remove one",
        });
      }
      if (folder !== undefined) return { kind: "folder", path: resolve(baseDir, folder) };
      const chosen = repo ?? checkpoints[checkpoint]?.repo;
      if (chosen === undefined) {
        throw new ConfigError("/checkpoint", `backbone ${name} has no checkpoint "${checkpoint}"`, {
          hint: `known: ${Object.keys(checkpoints).join(", ")}`,
        });
      }
      return { kind: "hub", repo: chosen, revision };
    },
  });
}

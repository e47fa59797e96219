import { resolve } from "node:path";
import { ConfigError } from "../errors.ts";
import type { JsonSchema } from "./schema.ts";
import { PLUGIN_API_VERSION, type Versioned } from "./version.ts";

/** How a checkpoint is used where that differs from what its config says. */
export interface CheckpointUse {
  /** Side of the images in pixels; position embeddings and preprocessing follow. */
  readonly imageSize?: number;
  /** Activation of both towers' MLPs. */
  readonly activation?: string;
}

/** Where a checkpoint lives: a local folder, or a repository on the Hugging Face hub. */
export type CheckpointLocation = CheckpointUse &
  (
    | { readonly kind: "folder"; readonly path: string }
    | { readonly kind: "hub"; readonly repo: string; readonly revision: string }
  );

/** Says where the checkpoint of a CLIP model is. */
export interface BackbonePlugin<O = Record<string, unknown>> extends Versioned {
  readonly kind: "backbone";
  readonly name: string;
  readonly summary: string;
  readonly options: JsonSchema;
  /** Relative folders are relative to `baseDir` (the config file's folder). */
  locate(options: O, context: { readonly baseDir: string }): CheckpointLocation;
  /** The published checkpoint that the options name, for estimates where it is not on this machine. Reads nothing. */
  published?(options: O): HubCheckpoint | undefined;
}

/** Declares a backbone provider. */
export function defineBackbone<O>(plugin: Omit<BackbonePlugin<O>, "kind" | "apiVersion">): BackbonePlugin<O> {
  return { ...plugin, kind: "backbone", apiVersion: PLUGIN_API_VERSION };
}

/** A published checkpoint, as data: where it is, and what it must turn out to be. */
export interface HubCheckpoint {
  readonly repo: string;
  readonly summary: string;
  /** Of both towers, as the checkpoint's own config says. */
  readonly activation: string;
  readonly projectionDim: number;
  readonly vision: PublishedTower & { readonly patchSize: number; readonly imageSize: number };
  readonly text: PublishedTower & { readonly contextLength: number; readonly vocabSize: number };
  /** Numbers in all weights. */
  readonly parameters: number;
}

/** A transformer's sizes. */
export interface PublishedTower {
  readonly width: number;
  readonly layers: number;
  readonly heads: number;
  readonly mlpWidth: number;
}

/** Options of a provider that `defineHubBackbone` makes. */
export interface HubBackboneOptions extends CheckpointUse {
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
          description:
            "Local folder to use instead of a published checkpoint, in Hugging Face's layout or open_clip's",
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
        imageSize: {
          type: "integer",
          minimum: 1,
          maximum: 4096,
          description:
            "Side of the images in pixels, a multiple of the patch size; default: the checkpoint's own. Position embeddings are resized bicubically, as transformers' interpolate_pos_encoding does, and preprocessing follows",
        },
        activation: {
          enum: ["quick_gelu", "gelu"],
          description:
            "Activation of both towers; default: what the checkpoint's config says. LIFT's code runs every checkpoint with quick_gelu",
        },
      },
      additionalProperties: false,
    },
    published: ({ folder, repo, checkpoint }) =>
      folder === undefined && repo === undefined ? checkpoints[checkpoint] : undefined,
    locate({ folder, repo, checkpoint, revision, imageSize, activation }, { baseDir }) {
      const use: CheckpointUse = {
        ...(imageSize === undefined ? {} : { imageSize }),
        ...(activation === undefined ? {} : { activation }),
      };
      if (folder !== undefined && repo !== undefined) {
        throw new ConfigError("/repo", `backbone ${name}: \`folder\` and \`repo\` exclude each other`, {
          hint: "remove one",
        });
      }
      if (folder !== undefined) return { kind: "folder", path: resolve(baseDir, folder), ...use };
      const chosen = repo ?? checkpoints[checkpoint]?.repo;
      if (chosen === undefined) {
        throw new ConfigError("/checkpoint", `backbone ${name} has no checkpoint "${checkpoint}"`, {
          hint: `known: ${Object.keys(checkpoints).join(", ")}`,
        });
      }
      return { kind: "hub", repo: chosen, revision, ...use };
    },
  });
}

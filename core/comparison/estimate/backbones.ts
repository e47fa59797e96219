import { describeError } from "../../errors.ts";
import { type ClipConfig, openCheckpoint } from "../../models/checkpoint/folder.ts";
import type { LocateTensor } from "../../models/frozen-weights.ts";
import { resolveCheckpoint } from "../../models/hub/fetch-checkpoint.ts";
import type { BackbonePlugin, CheckpointUse, HubCheckpoint } from "../../plugin-api/index.ts";
import type { CellBackbone } from "../plan/index.ts";

/** A backbone as far as it is known before it is run. */
export interface KnownBackbone {
  readonly label: string;
  readonly config: Pick<ClipConfig, "vision" | "text" | "projectionDim">;
  /** Where its weights are; where they are not on this machine, of the right form and nowhere. */
  readonly locate: LocateTensor;
  /** Bytes to fetch before it can be used; 0: it is on this machine. */
  readonly missingBytes: number;
}

export interface BackboneResult {
  readonly backbone?: KnownBackbone;
  readonly notes: readonly string[];
}

/** Shapes of a backbone: from its checkpoint where that is on this machine, else as its plugin has it published. */
export async function knownBackbone(
  plugin: BackbonePlugin,
  { label, options }: CellBackbone,
  { baseDir, env }: { readonly baseDir: string; readonly env: NodeJS.ProcessEnv },
): Promise<BackboneResult> {
  let why: string;
  const published = plugin.published?.(options);
  try {
    const location = plugin.locate(options, { baseDir });
    // What is not in the cache is not asked for.
    const folder = await resolveCheckpoint(location, { env: { ...env, HF_HUB_OFFLINE: "1" } });
    const { config, locate } = await openCheckpoint(folder, location);
    return { backbone: { label, config, locate, missingBytes: 0 }, notes: [] };
  } catch (error) {
    why = describeError(error);
  }
  if (published === undefined)
    return { notes: [`backbone ${label}: ${why}; its shape is not known without`] };
  return {
    backbone: { label, ...ofPublished(published, options), missingBytes: published.parameters * 4 },
    notes: [],
  };
}

/** What published checkpoints have in common and their description leaves out. */
const COMMON = { layerNormEps: 1e-5 } as const;

function ofPublished(
  { activation: own, projectionDim, vision, text }: HubCheckpoint,
  { imageSize = vision.imageSize, activation = own }: CheckpointUse,
): Pick<KnownBackbone, "config" | "locate"> {
  return {
    config: {
      projectionDim,
      vision: { ...COMMON, ...vision, imageSize, channels: 3, activation },
      text: { ...COMMON, ...text, activation, eosTokenId: text.vocabSize - 1, pooling: "first-eos" },
    },
    locate: () => ({ file: "/", offset: 0, length: 0, dtype: "float32", shape: [] }),
  };
}

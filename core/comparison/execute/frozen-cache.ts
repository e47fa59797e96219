import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { ClipCheckpoint } from "../../models/checkpoint/folder.ts";
import { readSafetensorsHeader, readTensor, writeSafetensors } from "../../models/checkpoint/safetensors.ts";
import type { EmbeddedImages } from "../../models/embed-images.ts";
import type { TextFeatures } from "../../models/embed-texts.ts";
import { canonicalJson } from "../plan/canonical-json.ts";

/** What the frozen outputs over a split depend on, to the last bit. */
export interface FrozenInputs {
  readonly checkpoint: ClipCheckpoint;
  readonly texts: TextFeatures;
  /** Digest of the data set. */
  readonly dataset: string;
  readonly split: string;
  /** Preprocessing, crops, batch size, device, threads. */
  readonly settings: unknown;
}

/** Raised when the same inputs begin to give other outputs. */
const FORMAT = 1;

/** What is larger is not kept: it takes long to read, too, and no file system call moves 2 GiB at once. */
const MOST_BYTES = 2 ** 30;

/**
 * Frozen features and zero-shot logits, kept on disk between comparisons: `folder/frozen/<hash>.safetensors`. What lies
 * there and cannot be read is computed again; what cannot be written is told and not kept.
 */
export async function cachedOutputs(
  folder: string,
  inputs: FrozenInputs,
  compute: () => Promise<EmbeddedImages>,
  warn: (message: string) => void,
): Promise<EmbeddedImages> {
  const file = join(folder, "frozen", `${await keyOf(inputs)}.safetensors`);
  const kept = existsSync(file) ? await read(file).catch(() => undefined) : undefined;
  if (kept) return kept;
  const { features, logits } = await compute();
  if (features.byteLength + logits.byteLength <= MOST_BYTES) {
    await write(file, { features, logits }).catch((error: Error) =>
      warn(`zero-shot outputs are not kept for the next comparison: ${error.message}`),
    );
  }
  return { features, logits };
}

async function write(file: string, { features, logits }: EmbeddedImages): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  await writeSafetensors(file, {
    features: { shape: [features.length], data: features },
    logits: { shape: [logits.length], data: logits },
  });
}

async function read(file: string): Promise<EmbeddedImages> {
  const header = await readSafetensorsHeader(file);
  return { features: await readTensor(header, "features"), logits: await readTensor(header, "logits") };
}

async function keyOf({ checkpoint, texts, dataset, split, settings }: FrozenInputs): Promise<string> {
  const { features, classes } = texts;
  const { config, preprocessor } = checkpoint;
  const facts = [FORMAT, await checkpoint.digest(), config, preprocessor, dataset, split, settings, classes];
  return createHash("sha256")
    .update(canonicalJson(facts))
    .update(new Uint8Array(features.buffer, features.byteOffset, features.byteLength))
    .digest("hex")
    .slice(0, 32);
}

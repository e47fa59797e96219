import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import { type BpeVocabulary, numberTokens } from "../../core/models/tokenizer/clip-bpe.ts";

const file = fileURLToPath(new URL("../fixtures/tokenizer/clip-merges.txt.gz", import.meta.url));

/** CLIP's own vocabulary of 49,408 tokens. */
export async function clipVocabulary(): Promise<BpeVocabulary> {
  const lines = gunzipSync(await readFile(file))
    .toString()
    .trimEnd()
    .split("\n");
  return numberTokens(lines.map((line) => line.split(" ") as [string, string]));
}

/** Writes vocab.json and merges.txt, as a checkpoint of CLIP has them. */
export async function writeVocabularyFiles(folder: string, { vocab, merges }: BpeVocabulary): Promise<void> {
  await writeFile(join(folder, "vocab.json"), JSON.stringify(vocab));
  const lines = ["#version: 0.2", ...merges.map((pair) => pair.join(" "))];
  await writeFile(join(folder, "merges.txt"), `${lines.join("\n")}\n`);
}

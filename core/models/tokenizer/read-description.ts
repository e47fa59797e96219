import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { FileError } from "../../errors.ts";
import { jsonCheck, readJsonIfPresent } from "../checkpoint/json-file.ts";
import { describeTokenizer } from "./clip-bpe.ts";

export const HINT = "download or copy the checkpoint's tokenizer files again";

/** What tokenizer.json holds, as far as it matters here; the rest is for the library to read. */
export interface TokenizerDescription {
  readonly model: {
    readonly vocab: Readonly<Record<string, number>>;
    readonly merges: readonly (string | readonly string[])[];
  };
}

/** No vocabulary is larger; libraries make lists as long as the largest id. */
const id = { type: "integer", minimum: 0, maximum: 1_000_000 };
const vocabulary = { type: "object", minProperties: 1, additionalProperties: id };
const optional = (type: string) => ({ type: [type, "null"] });
const pattern = {
  type: "object",
  properties: { Regex: { type: "string" }, String: { type: "string" } },
};
const step = {
  type: "object",
  required: ["type"],
  properties: {
    type: { type: "string" },
    behavior: { type: "string" },
    invert: { type: "boolean" },
    content: { type: "string" },
    pattern,
  },
};
const steps = (list: string) => ({
  type: ["object", "null"],
  required: ["type"],
  properties: { ...step.properties, [list]: { type: "array", items: step } },
});

const checkDescription = jsonCheck<TokenizerDescription>({
  type: "object",
  required: ["model"],
  properties: {
    added_tokens: {
      type: ["array", "null"],
      items: {
        type: "object",
        required: ["id", "content"],
        properties: { id, content: { type: "string", minLength: 1 } },
      },
    },
    normalizer: steps("normalizers"),
    pre_tokenizer: steps("pretokenizers"),
    post_processor: optional("object"),
    decoder: optional("object"),
    model: {
      type: "object",
      required: ["vocab", "merges"],
      properties: {
        // Files of early versions do not name it.
        type: { enum: ["BPE", null] },
        vocab: vocabulary,
        merges: {
          type: "array",
          items: {
            type: ["string", "array"],
            items: { type: "string" },
            minItems: 2,
            maxItems: 2,
          },
        },
        unk_token: optional("string"),
        end_of_word_suffix: optional("string"),
        continuing_subword_prefix: optional("string"),
      },
    },
  },
});

/**
 * Reads `tokenizer.json`, or `vocab.json` with `merges.txt` where there is none.
 * @throws FileError, ConfigError naming the file and what is wrong in it
 */
export async function readDescription(folder: string): Promise<TokenizerDescription> {
  const file = join(folder, "tokenizer.json");
  const json = await readJsonIfPresent(file);
  return json === undefined ? describeFromParts(folder) : checkDescription(json, file);
}

const checkVocab = jsonCheck<Record<string, number>>(vocabulary);

async function describeFromParts(folder: string): Promise<TokenizerDescription> {
  const [vocabFile, mergesFile] = [join(folder, "vocab.json"), join(folder, "merges.txt")];
  const json = await readJsonIfPresent(vocabFile);
  if (json === undefined) {
    throw new FileError(folder, "holds no tokenizer: neither tokenizer.json nor vocab.json", {
      hint: `${HINT}; where an open_clip checkpoint was published without them, copy those of any CLIP repository (openai/clip-vit-base-patch16): the vocabulary is the same`,
    });
  }
  const vocab = checkVocab(json, vocabFile);
  const text = await readFile(mergesFile, "utf8").catch((cause: unknown) => {
    throw new FileError(mergesFile, "cannot be read, and vocab.json needs it", { hint: HINT, cause });
  });
  const lines = text.split(/\r?\n/);
  const merges = lines.flatMap((line, i) => {
    if (line === "" || (i === 0 && line.startsWith("#version"))) return [];
    const [first, second, ...more] = line.split(" ");
    if (!first || !second || more.length > 0) {
      throw new FileError(mergesFile, `line ${i + 1} is not a pair of symbols`, { hint: HINT });
    }
    return [[first, second] as const];
  });
  return describeTokenizer({ vocab, merges }, vocabFile) as TokenizerDescription;
}

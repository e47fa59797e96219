import { access } from "node:fs/promises";
import { join } from "node:path";
import { Tokenizer as HfTokenizer } from "@huggingface/tokenizers";
import { DualtailError, FileError } from "../../errors.ts";
import { readJsonIfPresent } from "../checkpoint/json-file.ts";
import { cleanText } from "./open-clip/clean.ts";
import { describeOpenClip } from "./open-clip/describe.ts";
import { HINT, readDescription } from "./read-description.ts";
import { splitByteLevel } from "./split-byte-level.ts";

/** Texts as token ids, one row of `contextLength` per text. */
export interface EncodedTexts {
  /** [N × contextLength] */
  readonly ids: BigInt64Array;
  /** [N]: position of the first end-of-text token of each row. */
  readonly eot: Int32Array;
}

export interface Tokenizer {
  readonly contextLength: number;
  /** One more than the largest id that can occur. */
  readonly vocabSize: number;
  /**
   * start, tokens, end, padding; a text that is too long loses its last tokens and still ends with the end token.
   */
  encode(texts: readonly string[]): EncodedTexts;
}

export interface TokenizerOptions {
  /**
   * Whose way to prepare a text: transformers' CLIPTokenizer, or open_clip's SimpleTokenizer, which also straightens
   * quotes, replaces HTML references and so on. Default: that of the folder's layout.
   */
  readonly as?: "transformers" | "open_clip";
}

/**
 * Opens a checkpoint's tokenizer: `tokenizer.json`, or `vocab.json` with `merges.txt` where there is none; padding as
 * `tokenizer_config.json` or `special_tokens_map.json` say, else with the end token.
 * @throws FileError, ConfigError when the files are missing or do not describe a tokenizer with start and end tokens
 */
export async function openTokenizer(
  folder: string,
  contextLength: number,
  { as }: TokenizerOptions = {},
): Promise<Tokenizer> {
  if (!Number.isInteger(contextLength) || contextLength < 2) {
    throw new DualtailError(`a context of ${contextLength} tokens has no room for the start and end tokens`);
  }
  const file = join(folder, "tokenizer.json");
  const config = await readJsonIfPresent(join(folder, "tokenizer_config.json"));
  const read = await readDescription(folder);
  const isOpenClip = (as ?? (await usualWay(folder))) === "open_clip";
  const description = isOpenClip ? describeOpenClip(read, file) : read;
  const prepare = isOpenClip ? cleanText : withoutFinalSigma;
  let tokenizer: HfTokenizer;
  let ends: readonly number[];
  try {
    tokenizer = new HfTokenizer(splitByteLevel(description), isObject(config) ? config : {});
    ends = tokenizer.encode("").ids;
  } catch (cause) {
    throw new FileError(file, `does not describe a tokenizer (${(cause as Error).message})`, {
      hint: HINT,
      cause,
    });
  }
  const [start, end] = ends;
  if (ends.length !== 2 || start === undefined || end === undefined || start === end) {
    throw new FileError(
      file,
      "does not put a start and an end token around a text, as CLIP's text tower needs",
      { hint: HINT },
    );
  }
  const padToken = (await namedPad(folder)) ?? padOf(config);
  const pad = isOpenClip ? 0 : padToken === undefined ? end : tokenizer.token_to_id(padToken);
  if (pad === undefined)
    throw new FileError(file, `does not know the padding token "${padToken}"`, { hint: HINT });
  let vocabSize = 0;
  for (const id of tokenizer.get_vocab().values()) vocabSize = Math.max(vocabSize, id + 1);
  const idsOf = (text: string): number[] => {
    let ids: number[];
    try {
      ids = tokenizer.encode(prepare(text)).ids;
    } catch (cause) {
      throw new FileError(file, `describes a tokenizer that fails (${(cause as Error).message})`, {
        hint: HINT,
        cause,
      });
    }
    const wrong = ids.find((id) => !(Number.isInteger(id) && id >= 0 && id < vocabSize));
    if (wrong !== undefined || !ids.includes(end))
      throw new FileError(file, "gives ids that its own vocabulary does not have", { hint: HINT });
    return ids;
  };

  return {
    contextLength,
    vocabSize,
    encode(texts) {
      const ids = new BigInt64Array(texts.length * contextLength).fill(BigInt(pad));
      const eot = new Int32Array(texts.length);
      for (const [n, text] of texts.entries()) {
        const tokens = idsOf(text);
        if (tokens.length > contextLength) tokens.splice(contextLength - 1, tokens.length, end);
        for (const [t, id] of tokens.entries()) ids[n * contextLength + t] = BigInt(id);
        eot[n] = tokens.indexOf(end);
      }
      return { ids, eot };
    },
  };
}

/**
 * Tokenizers lower-case letter by letter; JavaScript writes Σ as ς at the end of a word. Lower-casing Σ beforehand
 * leaves it nothing to decide.
 */
const withoutFinalSigma = (text: string): string => text.replaceAll("Σ", "σ");

/** A folder that has both layouts is read as transformers' (see openCheckpoint). */
async function usualWay(folder: string): Promise<"transformers" | "open_clip"> {
  const has = (name: string) =>
    access(join(folder, name)).then(
      () => true,
      () => false,
    );
  return (await has("open_clip_config.json")) && !(await has("config.json")) ? "open_clip" : "transformers";
}

async function namedPad(folder: string): Promise<string | undefined> {
  return padOf(await readJsonIfPresent(join(folder, "special_tokens_map.json")));
}

const isObject = (value: unknown): value is object =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** `pad_token` is a string, or an object with its `content`. */
function padOf(config: unknown): string | undefined {
  const pad = (config as { pad_token?: string | null | { content?: string } } | undefined)?.pad_token;
  return typeof pad === "string" ? pad : (pad?.content ?? undefined);
}

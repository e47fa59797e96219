import { join } from "node:path";
import { DualtailError } from "../../errors.ts";
import { writeAtomically } from "../checkpoint/write-atomically.ts";
import {
  type BpeVocabulary,
  byteAlphabet,
  describeTokenizer,
  END,
  numberTokens,
  START,
  WORD_END,
  WORD_PATTERN,
} from "./clip-bpe.ts";

/** Bytes, bytes that end a word, and the two special tokens. */
const SMALLEST = 2 * byteAlphabet.length + 2;

/**
 * Learns a CLIP-style byte-pair vocabulary from texts (repeat a text to weigh it): words are split as CLIP does, and
 * the most frequent pair of neighbouring symbols is merged until `vocabSize` tokens exist or nothing repeats is left
 * to merge. Ties go to the pair that sorts first, so equal input gives an equal vocabulary.
 * Sennrich et al., 2016, "Neural Machine Translation of Rare Words with Subword Units".
 * @throws DualtailError when `vocabSize` is below 514
 */
export function trainBpe(texts: readonly string[], vocabSize: number): BpeVocabulary {
  if (!Number.isInteger(vocabSize) || vocabSize < SMALLEST) {
    throw new DualtailError(`a CLIP-style vocabulary has at least ${SMALLEST} tokens, not ${vocabSize}`);
  }
  const words = countWords(texts);
  const pairs = countPairs(words);
  const merges: [string, string][] = [];
  // Two merges can spell the same token; it counts once.
  const tokens = new Set<string>();
  while (SMALLEST + tokens.size < vocabSize) {
    const best = mostFrequent(pairs);
    if (best === undefined) break;
    merges.push(best.pair);
    tokens.add(best.pair.join(""));
    for (const word of [...best.words]) mergeIn(word, best.pair, pairs);
  }
  return numberTokens(merges);
}

/** Writes the files that Hugging Face's CLIPTokenizer and CLIPTokenizerFast read; `contextLength` in tokens. */
export async function writeTokenizer(
  folder: string,
  vocabulary: BpeVocabulary,
  contextLength: number,
): Promise<void> {
  const json = (value: unknown) => `${JSON.stringify(value, null, 1)}\n`;
  const special = { bos_token: START, eos_token: END, unk_token: END, pad_token: END };
  const files = {
    "vocab.json": JSON.stringify(vocabulary.vocab),
    "merges.txt": `${["#version: 0.2", ...vocabulary.merges.map((pair) => pair.join(" "))].join("\n")}\n`,
    "tokenizer.json": json(describeTokenizer(vocabulary)),
    "special_tokens_map.json": json(special),
    "tokenizer_config.json": json({
      ...special,
      tokenizer_class: "CLIPTokenizer",
      do_lower_case: true,
      errors: "replace",
      model_max_length: contextLength,
    }),
  };
  for (const [name, content] of Object.entries(files))
    await writeAtomically(join(folder, name), [Buffer.from(content)]);
}

interface Word {
  symbols: string[];
  readonly count: number;
}

interface Pair {
  readonly pair: [string, string];
  count: number;
  readonly words: Set<Word>;
}

function countWords(texts: readonly string[]): Word[] {
  const counts = new Map<string, number>();
  const pattern = new RegExp(WORD_PATTERN, "gu");
  for (const text of texts) {
    for (const [word] of text.normalize("NFC").toLowerCase().matchAll(pattern))
      counts.set(word, (counts.get(word) ?? 0) + 1);
  }
  const symbolOf = new Map(byteAlphabet.map(({ byte, symbol }) => [byte, symbol]));
  return [...counts].map(([word, count]) => {
    const symbols = Array.from(Buffer.from(word), (byte) => symbolOf.get(byte)!);
    symbols[symbols.length - 1] += WORD_END;
    return { symbols, count };
  });
}

type Pairs = Map<string, Pair>;

function countPairs(words: readonly Word[]): Pairs {
  const pairs: Pairs = new Map();
  for (const word of words) addPairs(word, 1, pairs);
  return pairs;
}

/** Adds (sign 1) or takes away (sign −1) a word's pairs. */
function addPairs(word: Word, sign: 1 | -1, pairs: Pairs): void {
  for (let i = 1; i < word.symbols.length; i++) {
    const pair: [string, string] = [word.symbols[i - 1]!, word.symbols[i]!];
    const key = pair.join(" ");
    let entry = pairs.get(key);
    if (entry === undefined) {
      entry = { pair, count: 0, words: new Set() };
      pairs.set(key, entry);
    }
    entry.count += sign * word.count;
    if (sign === 1) entry.words.add(word);
    else entry.words.delete(word);
    if (entry.count === 0) pairs.delete(key);
  }
}

function mostFrequent(pairs: Pairs): Pair | undefined {
  let best: Pair | undefined;
  let bestKey = "";
  for (const [key, entry] of pairs) {
    if (best === undefined || entry.count > best.count || (entry.count === best.count && key < bestKey)) {
      [best, bestKey] = [entry, key];
    }
  }
  return best;
}

function mergeIn(word: Word, [first, second]: [string, string], pairs: Pairs): void {
  addPairs(word, -1, pairs);
  const { symbols } = word;
  const merged: string[] = [];
  for (let i = 0; i < symbols.length; i++) {
    if (symbols[i] === first && symbols[i + 1] === second) {
      merged.push(first + second);
      i++;
    } else {
      merged.push(symbols[i]!);
    }
  }
  word.symbols = merged;
  addPairs(word, 1, pairs);
}

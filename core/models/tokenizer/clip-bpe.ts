import { FileError } from "../../errors.ts";

/** What CLIP's tokenizer is made of, apart from the learned merges. */

export const START = "<|startoftext|>";
export const END = "<|endoftext|>";
/** Marks a symbol that ends a word. */
export const WORD_END = "</w>";

/** CLIP's word pattern (Radford et al., 2021), for lower-case text. */
export const WORD_PATTERN = "'s|'t|'re|'ve|'m|'ll|'d|[\\p{L}]+|[\\p{N}]|[^\\s\\p{L}\\p{N}]+";

/**
 * The printable character that stands for each byte, in vocabulary order: GPT-2's byte alphabet. Printable bytes
 * stand for themselves and come first; the others follow from U+0100.
 */
export const byteAlphabet: readonly { readonly byte: number; readonly symbol: string }[] = (() => {
  const printable = (byte: number) =>
    (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
  const bytes = Array.from({ length: 256 }, (_, byte) => byte);
  return [
    ...bytes.filter(printable).map((byte) => ({ byte, symbol: String.fromCodePoint(byte) })),
    ...bytes
      .filter((byte) => !printable(byte))
      .map((byte, i) => ({ byte, symbol: String.fromCodePoint(256 + i) })),
  ];
})();

/** A vocabulary (token → id, dense from 0) and its merges in the order they apply. */
export interface BpeVocabulary {
  readonly vocab: Readonly<Record<string, number>>;
  readonly merges: readonly (readonly [string, string])[];
}

/** Numbers the tokens as CLIP does: bytes, bytes that end a word, merges in order, start, end. */
export function numberTokens(merges: BpeVocabulary["merges"]): BpeVocabulary {
  const symbols = byteAlphabet.map(({ symbol }) => symbol);
  const tokens = [
    ...symbols,
    ...symbols.map((symbol) => symbol + WORD_END),
    ...merges.map((pair) => pair.join("")),
    START,
    END,
  ];
  // Built through a Map: two merges may make the same token, and the digits would come first in a plain object.
  const ids = new Map<string, number>();
  for (const token of tokens) if (!ids.has(token)) ids.set(token, ids.size);
  return { vocab: Object.fromEntries(ids), merges };
}

/**
 * The tokenizer.json that Hugging Face's CLIPTokenizerFast has for such a vocabulary.
 * @throws FileError naming `source` when the vocabulary lacks the start or end token
 */
export function describeTokenizer({ vocab, merges }: BpeVocabulary, source = "vocabulary"): object {
  const idOf = (token: string): number => {
    const id = vocab[token];
    if (id === undefined)
      throw new FileError(source, `has no token "${token}"`, { hint: "it is not the vocabulary of a CLIP" });
    return id;
  };
  const special = (content: string) => ({
    id: idOf(content),
    content,
    single_word: false,
    lstrip: false,
    rstrip: false,
    // Matched as written, as transformers 5 makes them; earlier versions matched them after lower-casing, too.
    normalized: false,
    special: true,
  });
  return {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: [special(START), special(END)],
    normalizer: {
      type: "Sequence",
      normalizers: [
        { type: "NFC" },
        { type: "Replace", pattern: { Regex: "\\s+" }, content: " " },
        { type: "Lowercase" },
      ],
    },
    pre_tokenizer: {
      type: "Sequence",
      pretokenizers: [
        { type: "Split", pattern: { Regex: WORD_PATTERN }, behavior: "Removed", invert: true },
        { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: true },
      ],
    },
    post_processor: {
      type: "RobertaProcessing",
      sep: [END, idOf(END)],
      cls: [START, idOf(START)],
      trim_offsets: false,
      add_prefix_space: false,
    },
    decoder: { type: "ByteLevel", add_prefix_space: true, trim_offsets: true, use_regex: true },
    model: {
      type: "BPE",
      dropout: null,
      unk_token: END,
      continuing_subword_prefix: "",
      end_of_word_suffix: WORD_END,
      fuse_unk: false,
      byte_fallback: false,
      vocab,
      merges: merges.map((pair) => pair.join(" ")),
    },
  };
}

/** The pattern by which Hugging Face's ByteLevel splits (GPT-2's). */
const BYTE_LEVEL_PATTERN =
  "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

/**
 * A tokenizer's description in which ByteLevel leaves the splitting to a Split before it. The library's own splitting
 * takes JavaScript's idea of white space (U+FEFF is, U+0085 is not); in a Split it takes Unicode's, as the original does.
 */
export function splitByteLevel(description: object): object {
  const { pre_tokenizer: pre } = description as { pre_tokenizer?: unknown };
  return { ...description, pre_tokenizer: rewrite(pre) };
}

interface PreTokenizer {
  readonly type?: unknown;
  readonly use_regex?: unknown;
  readonly add_prefix_space?: unknown;
  readonly pretokenizers?: unknown;
}

function rewrite(pre: unknown): unknown {
  if (typeof pre !== "object" || pre === null) return pre;
  const { type, use_regex: splits = true, add_prefix_space: prefix, pretokenizers } = pre as PreTokenizer;
  if (type === "Sequence" && Array.isArray(pretokenizers)) {
    return { ...pre, pretokenizers: pretokenizers.map(rewrite) };
  }
  if (type !== "ByteLevel" || splits !== true || prefix !== false) return pre;
  const split = {
    type: "Split",
    pattern: { Regex: BYTE_LEVEL_PATTERN },
    behavior: "Isolated",
    invert: false,
  };
  return { type: "Sequence", pretokenizers: [split, { ...pre, use_regex: false }] };
}

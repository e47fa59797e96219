import { describeTokenizer, END, START, WORD_PATTERN } from "../clip-bpe.ts";
import type { TokenizerDescription } from "../read-description.ts";

/** What open_clip calls the two special tokens; a text may hold them. */
const NAMES: Readonly<Record<string, string>> = { [START]: "<start_of_text>", [END]: "<end_of_text>" };

/**
 * open_clip's pattern ignores case. In a lower-cased text that tells in two places: \u017f is another small s, and
 * \u0345 another iota, which makes it neither a letter nor none, so that it is dropped.
 */
const PATTERN = WORD_PATTERN.replace("'s", "'[s\u017f]").replace("[^", "[^\u0345");

/**
 * The same vocabulary as open_clip's tokenizer uses it, for texts that `cleanText` has prepared: nothing is normalised.
 * @throws FileError naming `source` when the vocabulary lacks the start or end token
 */
export function describeOpenClip({ model }: TokenizerDescription, source: string): TokenizerDescription {
  const merges = model.merges.map((merge) => (typeof merge === "string" ? merge.split(" ") : merge));
  const own = describeTokenizer({ vocab: model.vocab, merges: merges as [string, string][] }, source);
  const { vocab } = model;
  const rename = (token: string): string => NAMES[token] ?? token;
  const renamed = Object.fromEntries(Object.entries(vocab).map(([token, id]) => [rename(token), id]));
  const special = (content: string) => ({
    ...{ id: vocab[content]!, content: rename(content), special: true, normalized: false },
    ...{ single_word: false, lstrip: false, rstrip: false },
  });
  return {
    ...own,
    added_tokens: [special(START), special(END)],
    normalizer: null,
    pre_tokenizer: {
      type: "Sequence",
      pretokenizers: [
        {
          type: "Split",
          pattern: { Regex: PATTERN },
          behavior: "Removed",
          invert: true,
        },
        { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: false },
      ],
    },
    post_processor: {
      type: "RobertaProcessing",
      sep: [rename(END), vocab[END]],
      cls: [rename(START), vocab[START]],
      trim_offsets: false,
      add_prefix_space: false,
    },
    model: { ...(own as TokenizerDescription).model, unk_token: rename(END), vocab: renamed },
  } as TokenizerDescription;
}

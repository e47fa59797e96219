export { type EncodedTexts, openTokenizer, type Tokenizer, type TokenizerOptions } from "./tokenizer.ts";
export { trainBpe, writeTokenizer } from "./train-bpe.ts";

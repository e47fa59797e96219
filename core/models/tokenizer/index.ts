export { type EncodedTexts, openTokenizer, type Tokenizer } from "./tokenizer.ts";
export { trainBpe, writeTokenizer } from "./train-bpe.ts";

import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { clipVocabulary, writeVocabularyFiles } from "../../../test/support/clip-vocabulary.ts";
import { expectParity } from "../../../test/support/parity.ts";
import { temporaryFolder } from "../../../test/support/temporary-folder.ts";
import { openTokenizer, type Tokenizer } from "./index.ts";

interface Case {
  readonly text: string;
  readonly ids: string;
  /** Where open_clip's are others. */
  readonly openClip?: string;
  /** Where ftfy took the text for one that was decoded wrongly: open_clip's without that repair. */
  readonly withoutRepair?: string;
}

interface Golden {
  readonly contextLength: number;
  readonly references: { readonly huggingFace: string; readonly openClip: string };
  readonly counts: { readonly texts: number; readonly openClipDiffers: number; readonly repaired: number };
  readonly cases: readonly Case[];
}

const fixtures = fileURLToPath(new URL("../../../test/fixtures/tokenizer/", import.meta.url));
const json = async (name: string) => JSON.parse(await readFile(join(fixtures, name), "utf8")) as unknown;
const golden = (await json("golden.json")) as Golden;
const vocabulary = await clipVocabulary();
const END = 49407;

/** base64 of uint16 → ids, start to end token. */
const unpack = (packed: string): number[] =>
  Array.from(new Uint16Array(Uint8Array.from(Buffer.from(packed, "base64")).buffer));

/** Encodes all texts and compares every token with the reference's. */
function compare(
  tokenizer: Tokenizer,
  what: string,
  reference: string,
  pad: number,
  expected: string[],
): void {
  const { contextLength } = golden;
  const { ids, eot } = tokenizer.encode(golden.cases.map(({ text }) => text));
  const rows = expected.map(unpack);
  for (const [n, row] of rows.entries()) {
    const actual = Array.from(ids.subarray(n * contextLength, (n + 1) * contextLength), Number);
    const padded = [...row, ...Array.from({ length: contextLength - row.length }, () => pad)];
    expect(actual, JSON.stringify(golden.cases[n]!.text)).toEqual(padded);
    expect(eot[n]).toBe(row.indexOf(END));
  }
  const all = rows.flatMap((row, n) => row.map((_, t) => Number(ids[n * contextLength + t])));
  expectParity({ module: "tokenizer", what, reference, actual: all, expected: rows.flat(), tolerance: 0 });
}

describe("openTokenizer gives the ids of transformers on more than 1,000 difficult texts", () => {
  const { references, cases, contextLength } = golden;
  const expected = cases.map(({ ids }) => ids);

  it("from vocab.json and merges.txt", async () => {
    expect(cases.length).toBeGreaterThan(1000);
    const folder = await temporaryFolder();
    await writeVocabularyFiles(folder, vocabulary);
    const tokenizer = await openTokenizer(folder, contextLength);
    expect(tokenizer.vocabSize).toBe(49408);
    compare(tokenizer, "vocab.json, merges.txt", references.huggingFace, END, expected);
  });

  it("from tokenizer.json as transformers saves it", async () => {
    const folder = await temporaryFolder();
    const saved = (await json("tokenizer-without-vocabulary.json")) as { model: object };
    const model = { ...saved.model, vocab: vocabulary.vocab, merges: vocabulary.merges };
    await writeFile(join(folder, "tokenizer.json"), JSON.stringify({ ...saved, model }));
    const tokenizer = await openTokenizer(folder, contextLength);
    compare(tokenizer, "tokenizer.json", references.huggingFace, END, expected);
  });

  it("reading half of a surrogate pair as U+FFFD, which Python's tokenizers refuse", async () => {
    const folder = await temporaryFolder();
    await writeVocabularyFiles(folder, vocabulary);
    const tokenizer = await openTokenizer(folder, contextLength);
    const broken = ["\ud83d", "a \ude00 b", "\ude00\ud83d", "cat\ud83dcat"];
    const { ids } = tokenizer.encode(broken);
    expect(ids).toEqual(
      tokenizer.encode(broken.map((text) => text.replace(/[\ud800-\udfff]/g, "\ufffd"))).ids,
    );
  });
});

describe("openTokenizer gives the ids of open_clip", () => {
  const { references, cases, contextLength, counts } = golden;

  it("on the same texts, except for text that was decoded wrongly, which it leaves", async () => {
    const folder = await temporaryFolder();
    await writeVocabularyFiles(folder, vocabulary);
    const tokenizer = await openTokenizer(folder, contextLength, { as: "open_clip" });
    const expected = cases.map(({ ids, openClip, withoutRepair }) => withoutRepair ?? openClip ?? ids);
    expect(counts.openClipDiffers).toBeGreaterThan(100);
    expect(counts.repaired).toBeLessThan(10);
    compare(tokenizer, "as open_clip", references.openClip, 0, expected);
  });

  it("in a folder of open_clip's layout", async () => {
    const folder = await temporaryFolder();
    await writeVocabularyFiles(folder, vocabulary);
    const text = ["a bird\u2019s nest &amp; eggs"];
    const [plain, cleaned] = [
      await openTokenizer(folder, contextLength),
      await openTokenizer(folder, contextLength, { as: "open_clip" }),
    ];
    await writeFile(join(folder, "open_clip_config.json"), "{}");
    const found = await openTokenizer(folder, contextLength);
    expect(found.encode(text)).toEqual(cleaned.encode(text));
    expect(found.encode(text)).not.toEqual(plain.encode(text));
  });
});

import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { temporaryFolder } from "../../../test/support/temporary-folder.ts";
import { END, START } from "./clip-bpe.ts";
import { openTokenizer, trainBpe, writeTokenizer } from "./index.ts";

const TEXTS = ["a photo of a cat", "a photo of a dog", "photos"];

async function tinyTokenizer(): Promise<string> {
  const folder = await temporaryFolder();
  await writeTokenizer(folder, trainBpe(TEXTS, 530), 8);
  return folder;
}

describe("openTokenizer", () => {
  it("reads tokenizer.json as it reads vocab.json with merges.txt", async () => {
    const [whole, parts] = [await tinyTokenizer(), await tinyTokenizer()];
    await rm(join(whole, "vocab.json"));
    await rm(join(parts, "tokenizer.json"));
    const texts = ["a photo of 2 cats, é 猫 😀", "<|endoftext|> a <|ENDOFTEXT|> dog", ""];
    const [one, other] = [await openTokenizer(whole, 8), await openTokenizer(parts, 8)];
    expect(one.encode(texts)).toEqual(other.encode(texts));
    expect(one.vocabSize).toBe(other.vocabSize);
  });

  it("keeps the end token when a text is too long", async () => {
    const folder = await tinyTokenizer();
    const tokenizer = await openTokenizer(folder, 4);
    const { ids, eot } = tokenizer.encode(["a photo of a cat", "cat"]);
    const [start, end] = [tokenizer.vocabSize - 2, tokenizer.vocabSize - 1].map(BigInt);
    expect(ids[0]).toBe(start);
    expect([ids[3], ids[7]]).toEqual([end, end]);
    expect(ids.subarray(1, 3)).not.toContain(end);
    expect([...eot]).toEqual([3, 2]);
  });

  it.each(["tokenizer_config.json", "special_tokens_map.json"])("pads as %s says", async (name) => {
    const folder = await tinyTokenizer();
    await rm(join(folder, "tokenizer_config.json"));
    await rm(join(folder, "special_tokens_map.json"));
    await writeFile(join(folder, name), JSON.stringify({ pad_token: { content: "!" } }));
    const { ids } = (await openTokenizer(folder, 8)).encode([""]);
    expect([...ids.subarray(2)]).toEqual([0n, 0n, 0n, 0n, 0n, 0n]);
  });

  const spoilt: [string, (folder: string) => Promise<unknown>, RegExp][] = [
    [
      "nothing to read",
      (folder) => Promise.all([rm(join(folder, "tokenizer.json")), rm(join(folder, "vocab.json"))]),
      /holds no tokenizer/,
    ],
    [
      "a tokenizer that is not JSON",
      (folder) => writeFile(join(folder, "tokenizer.json"), "{"),
      /tokenizer\.json: is not JSON/,
    ],
    [
      "no model in it",
      (folder) => writeFile(join(folder, "tokenizer.json"), "{}"),
      /tokenizer\.json: \/model: is missing/,
    ],
    [
      "merges that are missing",
      (folder) => Promise.all([rm(join(folder, "tokenizer.json")), rm(join(folder, "merges.txt"))]),
      /merges\.txt: cannot be read, and vocab\.json needs it/,
    ],
    [
      "a merge that is no pair",
      async (folder) => {
        await rm(join(folder, "tokenizer.json"));
        await writeFile(join(folder, "merges.txt"), "#version: 0.2\na b\na b c\n");
      },
      /merges\.txt: line 3 is not a pair of symbols/,
    ],
    [
      "a vocabulary of something else",
      async (folder) => {
        await rm(join(folder, "tokenizer.json"));
        await writeFile(join(folder, "vocab.json"), JSON.stringify({ a: 0, [START]: 1 }));
      },
      /vocab\.json: has no token "<\|endoftext\|>"/,
    ],
    [
      "ids that are no numbers",
      async (folder) => {
        await rm(join(folder, "tokenizer.json"));
        await writeFile(join(folder, "vocab.json"), JSON.stringify({ a: "0" }));
      },
      /vocab\.json: \/a: must be integer/,
    ],
    [
      "no start and end tokens",
      async (folder) => {
        const file = join(folder, "tokenizer.json");
        const json = JSON.parse(await readFile(file, "utf8")) as object;
        await writeFile(file, JSON.stringify({ ...json, post_processor: null }));
      },
      /tokenizer\.json: does not put a start and an end token/,
    ],
    [
      "padding that the vocabulary lacks",
      (folder) => writeFile(join(folder, "special_tokens_map.json"), JSON.stringify({ pad_token: "[PAD]" })),
      /does not know the padding token "\[PAD\]"/,
    ],
  ];

  it.each(spoilt)("refuses %s", async (_what, spoil, message) => {
    const folder = await tinyTokenizer();
    await spoil(folder);
    await expect(openTokenizer(folder, 8)).rejects.toThrow(message);
    await expect(openTokenizer(folder, 8)).rejects.toThrow(folder);
  });

  it("refuses a context without room for the two tokens", async () => {
    await expect(openTokenizer(await tinyTokenizer(), 1)).rejects.toThrow(/context of 1 tokens/);
  });
});

describe("trainBpe", () => {
  it("merges the most frequent pair first, ties in the order of the pairs", () => {
    const { merges, vocab } = trainBpe(["ab ab ab", "cd cd", "ce ce"], 517);
    expect(merges).toEqual([
      ["a", "b</w>"],
      ["c", "d</w>"],
      ["c", "e</w>"],
    ]);
    expect(Object.keys(vocab)).toHaveLength(517);
    expect([vocab["ab</w>"], vocab[START], vocab[END]]).toEqual([512, 515, 516]);
  });

  it("counts a repeated symbol as CLIP's encoder merges it: from the left", async () => {
    const vocabulary = trainBpe(["aaaa aaaa"], 600);
    const folder = await temporaryFolder();
    await writeTokenizer(folder, vocabulary, 8);
    const { eot } = (await openTokenizer(folder, 8)).encode(["aaaa"]);
    expect(eot[0], "start, one token, end").toBe(2);
  });

  it("stops when every word is one token, and writes a vocabulary that encodes them so", async () => {
    const vocabulary = trainBpe(TEXTS, 5000);
    const folder = await temporaryFolder();
    await writeTokenizer(folder, vocabulary, 16);
    const tokenizer = await openTokenizer(folder, 16);
    const words = ["a", "photo", "of", "cat", "dog", "photos"];
    expect([...tokenizer.encode(words).eot]).toEqual(words.map(() => 2));
    expect(tokenizer.vocabSize).toBe(Object.keys(vocabulary.vocab).length);
    expect(new Set(Object.values(vocabulary.vocab)).size).toBe(tokenizer.vocabSize);
  });

  it("encodes any bytes, seen or not", async () => {
    const folder = await tinyTokenizer();
    const tokenizer = await openTokenizer(folder, 64);
    const end = BigInt(tokenizer.vocabSize - 1);
    const { ids, eot } = tokenizer.encode(["猫 😀 \u0001 ÿ", "ž"]);
    expect(eot[0]).toBeGreaterThan(8);
    expect(ids.subarray(0, eot[0])).not.toContain(end);
  });

  it("needs room for the bytes", () => {
    expect(() => trainBpe([], 513)).toThrow("at least 514 tokens, not 513");
    expect(Object.keys(trainBpe([], 514).vocab)).toHaveLength(514);
  });
});

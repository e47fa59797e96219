import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { openTokenizer, trainBpe, writeTokenizer } from "../../core/models/tokenizer/index.ts";
import { mutateBytes } from "../mutate/bytes.ts";
import { mutateJson, mutateJsonText } from "../mutate/json.ts";
import type { Random } from "../random.ts";
import { readAll } from "../read-all.ts";
import { expectThat, type Target } from "../target.ts";

const TEXTS = [
  "a photo of a cat.",
  "it's 2024 &amp; 猫 😀\ud83d <|endoftext|> é",
  "",
  " \u0000\n",
  "x".repeat(300),
];
const CONTEXT = 9;
const WHOLE = ["tokenizer.json"];
const PARTS = ["vocab.json", "merges.txt"];
const BESIDE = ["tokenizer_config.json", "special_tokens_map.json"];

/** A tokenizer with one broken file is opened, in either of its forms, and encodes texts. */
export const target: Target = {
  name: "tokenizer",
  async prepare(folder) {
    await writeTokenizer(folder, trainBpe(["a photo of a cat", "a photo of the dog's house"], 540), CONTEXT);
    const files = await readAll(folder, [...WHOLE, ...PARTS, ...BESIDE]);
    return async (random) => {
      const [own, other] = random.chance(0.6) ? [WHOLE, PARTS] : [PARTS, WHOLE];
      for (const name of other) await rm(join(folder, name), { force: true });
      for (const name of [...own, ...BESIDE]) await writeFile(join(folder, name), files.get(name)!);
      const name = random.chance(0.2) ? random.pick(BESIDE) : random.pick(own);
      await writeFile(join(folder, name), breakFile(random, name, files.get(name)!));
      return {
        subject: folder,
        async read() {
          const tokenizer = await openTokenizer(folder, CONTEXT);
          const { ids, eot } = tokenizer.encode(TEXTS);
          expectThat(ids.length === TEXTS.length * CONTEXT, `${ids.length} ids`);
          for (const [i, id] of ids.entries())
            expectThat(
              id >= 0n && id < BigInt(tokenizer.vocabSize),
              `id ${id} of ${tokenizer.vocabSize}, at ${i}`,
            );
          for (const [n, at] of eot.entries()) {
            expectThat(at >= 1 && at < CONTEXT, `text ${n} ends at ${at}`);
            expectThat(
              ids[n * CONTEXT + at] === ids[2 * CONTEXT + 1],
              `text ${n} does not end with the end token`,
            );
          }
        },
      };
    };
  },
};

function breakFile(random: Random, name: string, bytes: Buffer): Buffer {
  if (name === "merges.txt" || random.chance(0.15)) return mutateBytes(random, bytes);
  const json = JSON.parse(bytes.toString()) as Record<string, unknown>;
  if (name !== "tokenizer.json" || random.chance(0.3)) return mutateJsonText(random, json);
  // Most of the file is vocabulary; the rest must not be spared for that.
  const part = random.pick(Object.keys(json));
  return Buffer.from(JSON.stringify({ ...json, [part]: mutateJson(random, json[part]) }));
}

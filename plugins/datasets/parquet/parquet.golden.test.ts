import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { imagePath, labelColumn } from "./columns.ts";
import { createImageReader, createQueue } from "./image-cache.ts";
import { readLabels } from "./labels.ts";
import { readChunk } from "./pages.ts";
import { openTable } from "./table.ts";

interface Golden {
  readonly files: Readonly<
    Record<string, { readonly sha256: readonly string[]; readonly labels: readonly (number | string)[] }>
  >;
}

const folder = fileURLToPath(new URL("../../../test/fixtures/parquet-images/", import.meta.url));
const golden: Golden = JSON.parse(readFileSync(path.join(folder, "golden.json"), "utf8"));
const whole = Object.keys(golden.files).filter((name) => !name.startsWith("odd/"));

let cache: string;
beforeAll(async () => {
  cache = await mkdtemp(path.join(tmpdir(), "parquet-golden-"));
});
afterAll(() => rm(cache, { recursive: true, force: true }));

test.each(whole)("%s, written by Arrow", async (name) => {
  const { sha256, labels } = golden.files[name]!;
  const table = await openTable(path.join(folder, name));
  expect(table.rows).toBe(labels.length);
  expect((await readLabels(table, labelColumn(table, undefined))).values).toEqual(labels);
  const column = imagePath(table, undefined);
  // Twice: unpacked now, and read from what the first reader unpacked.
  for (const _ of [1, 2]) {
    const read = createImageReader(table, column, cache, createQueue());
    const backwards = sha256.map((_, i) => sha256.length - 1 - i);
    const images = await Promise.all(backwards.map((row) => read(row)));
    expect(images.map((image) => createHash("sha256").update(image).digest("hex"))).toEqual(
      sha256.toReversed(),
    );
  }
});

test("the fixtures have several pages per row group", async () => {
  for (const name of ["snappy", "dictionary-overflow", "version-2"]) {
    const table = await openTable(path.join(folder, `pages/${name}/train.parquet`));
    const chunk = await readChunk(table, 0, ["image", "bytes"]);
    expect(chunk.pages.map(({ rows }) => rows)).toEqual([2, 2, 2, 2, 2]);
    expect(chunk.dictionary !== undefined).toBe(name !== "snappy");
  }
});

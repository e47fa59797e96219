import { readFileSync } from "node:fs";
import { open, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { LayoutName } from "../../core/models/checkpoint/folder.ts";

/** Name, shape, dtype; where the name has `*` for a block's number, how many blocks there are. */
type TensorRow = [name: string, shape: number[], dtype: "F32" | "I64", blocks?: number];

/** What a published repository holds, without the numbers in its weights. */
interface PublishedLayout {
  readonly files: Readonly<Record<string, unknown>>;
  readonly weights: Readonly<Record<string, readonly TensorRow[]>>;
}

export interface PublishedTensor {
  readonly shape: readonly number[];
  readonly dtype: "F32" | "I64";
}

/** The layouts of a repository of test/fixtures/checkpoints. */
export function publishedLayouts(repo: string): Partial<Record<LayoutName, PublishedLayout>> {
  const file = new URL(`../fixtures/checkpoints/${repo.replace("/", "--")}.json`, import.meta.url);
  const { layouts } = JSON.parse(readFileSync(fileURLToPath(file), "utf8")) as {
    layouts: Partial<Record<LayoutName, PublishedLayout>>;
  };
  return layouts;
}

export function tensorsOf(rows: readonly TensorRow[]): Map<string, PublishedTensor> {
  const out = new Map<string, PublishedTensor>();
  for (const [name, shape, dtype, blocks] of rows) {
    if (blocks === undefined) out.set(name, { shape, dtype });
    for (let block = 0; block < (blocks ?? 0); block++)
      out.set(name.replace("*", `${block}`), { shape, dtype });
  }
  return out;
}

/** Writes the configs, and weights of the real size whose numbers are a hole in the file, so that they take no disk. */
export async function writePublished(folder: string, { files, weights }: PublishedLayout): Promise<void> {
  for (const [name, json] of Object.entries(files)) await writeFile(join(folder, name), JSON.stringify(json));
  for (const [name, rows] of Object.entries(weights)) {
    const header: Record<string, unknown> = { __metadata__: { format: "pt" } };
    let end = 0;
    for (const [tensor, { shape, dtype }] of tensorsOf(rows)) {
      const bytes = shape.reduce((product, size) => product * size, dtype === "I64" ? 8 : 4);
      header[tensor] = { dtype, shape, data_offsets: [end, end + bytes] };
      end += bytes;
    }
    const json = Buffer.from(JSON.stringify(header));
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(json.length));
    const handle = await open(join(folder, name), "w");
    try {
      await handle.write(Buffer.concat([length, json]));
      await handle.truncate(8 + json.length + end);
    } finally {
      await handle.close();
    }
  }
}

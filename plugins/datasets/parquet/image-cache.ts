import { createHash } from "node:crypto";
import { mkdir, open, rename, rm, stat } from "node:fs/promises";
import path from "node:path";
import { FileError } from "../../../core/plugin-api/index.ts";
import { digestOf } from "../shared/digest.ts";
import { type Chunk, decodePage, type Page, readChunk } from "./pages.ts";
import { explain, readRange, type Table } from "./table.ts";

/** Reads the compressed image of a row. */
export type ReadImage = (row: number) => Promise<Uint8Array>;

/** Runs one piece of work at a time, in the order they come. */
export type Queue = <T>(work: () => Promise<T>) => Promise<T>;

export function createQueue(): Queue {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const next = last.then(work, work);
    last = next;
    return next;
  };
}

/** A page whose images lie side by side in a file: image i at `offsets[i]` to `offsets[i + 1]`, empty where it has none. */
interface Unpacked {
  readonly file: string;
  readonly offsets: Float64Array;
}

/**
 * Images of one parquet file in any order. The least that parquet can decode is a page, which often has a hundred images
 * and more, and training asks for images in random order: so a page is decoded once, its (still compressed) images are
 * written to a file in `cacheFolder`, and from then on, also in later runs, an image is one small read. What is held in
 * memory is one page at a time, by `queue`, and eight bytes per image.
 *
 * @param column path of the binary column, e.g. ["image", "bytes"]
 */
export function createImageReader(
  table: Table,
  column: readonly string[],
  cacheFolder: string,
  queue: Queue,
): ReadImage {
  const starts = groupStarts(table);
  const key = digestOf([table.digest, String(table.changed), ...column]).slice(0, 32);
  const folder = path.join(cacheFolder, "parquet-images", key);
  const chunkOf = remember((group) => readChunk(table, group, column));
  const unpackedOf = remember(async (group, index) => {
    const chunk = await chunkOf(group);
    const file = path.join(folder, `${group}-${index}.bin`);
    const page = chunk.pages[index]!;
    return (await reopen(file, page)) ?? (await queue(() => unpack(table, chunk, page, column, file)));
  });
  return (row) =>
    explain(table.file, async () => {
      const group = lastAtMost(starts.length, (i) => starts[i]!, row);
      const inGroup = row - starts[group]!;
      const { pages } = await chunkOf(group);
      const index = lastAtMost(pages.length, (i) => pages[i]!.firstRow, inGroup);
      const { file, offsets } = await unpackedOf(group, index);
      const at = inGroup - pages[index]!.firstRow;
      const [start, end] = [offsets[at]!, offsets[at + 1]!];
      if (start === end) {
        throw new FileError(table.file, `row ${row} has no image bytes in ${column.join(".")}`, {
          hint: "the images of this data set may be files of their own: save it again with them embedded",
        });
      }
      return readRange(file, start, end - start);
    });
}

/** First row of each row group. */
function groupStarts({ metadata }: Table): number[] {
  let start = 0;
  return metadata.row_groups.map(({ num_rows }) => {
    const own = start;
    start += Number(num_rows);
    return own;
  });
}

/** Index of the last of `count` ascending numbers that is at most `value`. */
function lastAtMost(count: number, number: (index: number) => number, value: number): number {
  let [low, high] = [0, count - 1];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (number(middle) <= value) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** Does the work once per key, unless it failed. */
function remember<T>(work: (...key: number[]) => Promise<T>): (...key: number[]) => Promise<T> {
  const known = new Map<string, Promise<T>>();
  return (...key) => {
    const name = key.join();
    const before = known.get(name);
    if (before) return before;
    const made = work(...key);
    known.set(name, made);
    made.catch(() => known.delete(name));
    return made;
  };
}

/** Length of each image in bytes as uint32, then a digest of the lengths, then the images. */
const DIGEST = 32;
const headerSize = (rows: number) => 4 * rows + DIGEST;
const digestLengths = (lengths: Uint8Array) => createHash("sha256").update(lengths).digest();

/** A page that an earlier run unpacked; undefined when there is none, or it is not whole. */
async function reopen(file: string, { rows }: Page): Promise<Unpacked | undefined> {
  const size = await stat(file).then(
    (entry) => entry.size,
    () => -1,
  );
  if (size < headerSize(rows)) return undefined;
  const header = await readRange(file, 0, headerSize(rows));
  const lengths = header.subarray(0, 4 * rows);
  if (!digestLengths(lengths).equals(header.subarray(4 * rows))) return undefined;
  const offsets = offsetsOf(new Uint32Array(header.buffer, 0, rows));
  return offsets[rows] === size ? { file, offsets } : undefined;
}

async function unpack(
  table: Table,
  chunk: Chunk,
  page: Page,
  column: readonly string[],
  file: string,
): Promise<Unpacked> {
  const images = await explain(table.file, () => decodePage(table, chunk, page, column));
  const lengths = Uint32Array.from(images, (image) => image?.length ?? 0);
  const bytes = new Uint8Array(lengths.buffer);
  const temporary = `${file}.${process.pid}.tmp`;
  try {
    await mkdir(path.dirname(file), { recursive: true });
    const handle = await open(temporary, "w");
    try {
      const parts = [bytes, digestLengths(bytes), ...images.flatMap((image) => image ?? [])];
      const { bytesWritten } = await handle.writev(parts);
      const size = parts.reduce((sum, part) => sum + part.length, 0);
      if (bytesWritten !== size) throw new Error(`${bytesWritten} of ${size} bytes were written`);
    } finally {
      await handle.close();
    }
    // Another process may have made the same file; either is whole.
    await rename(temporary, file);
  } catch (cause) {
    await rm(temporary, { force: true });
    const full = (cause as NodeJS.ErrnoException).code === "ENOSPC";
    throw new FileError(
      file,
      full ? "no space left for the images" : `cannot be written: ${(cause as Error).message}`,
      {
        hint: "images of parquet files are unpacked into the cache folder; DUALTAIL_CACHE moves it",
        cause,
      },
    );
  }
  return { file, offsets: offsetsOf(lengths) };
}

function offsetsOf(lengths: Uint32Array): Float64Array {
  const offsets = new Float64Array(lengths.length + 1);
  offsets[0] = headerSize(lengths.length);
  for (const [i, length] of lengths.entries()) offsets[i + 1] = offsets[i]! + length;
  return offsets;
}

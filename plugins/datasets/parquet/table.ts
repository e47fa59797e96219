import { open, stat } from "node:fs/promises";
import {
  asyncBufferFromFile,
  type FileMetaData,
  parquetMetadataAsync,
  parquetReadObjects,
  type SchemaElement,
} from "hyparquet";
import { compressors } from "hyparquet-compressors";
import { FileError } from "../../../core/plugin-api/index.ts";
import { digestOf } from "../shared/digest.ts";

/** One parquet file with its footer read. */
export interface Table {
  readonly file: string;
  readonly rows: number;
  readonly metadata: FileMetaData;
  /** Names of the top-level columns. */
  readonly columns: readonly string[];
  /** Features as the `datasets` library describes them in the footer: column → description. */
  readonly features: Readonly<Record<string, Feature>>;
  /** Digest of size and footer, which has the place and size of everything in the file. */
  readonly digest: string;
  /** Last change, for caches. */
  readonly changed: number;
}

export interface Feature {
  readonly _type?: string;
  readonly names?: readonly string[];
}

/** @throws FileError for a file that is no parquet file, or one that is cut off */
export async function openTable(file: string): Promise<Table> {
  return explain(file, async () => {
    const { mtimeMs, size } = await stat(file);
    const metadata = await parquetMetadataAsync(await asyncBufferFromFile(file));
    const footer = await readRange(file, size - 8 - metadata.metadata_length, metadata.metadata_length);
    const rows = Number(metadata.num_rows);
    // Rows are allocated for; an image takes more than a byte.
    if (!(rows >= 0 && rows <= size)) throw new RangeError(`the footer states ${rows} rows in ${size} bytes`);
    return {
      file,
      rows,
      metadata,
      columns: topLevel(metadata.schema).map(({ name }) => name),
      features: featuresOf(metadata),
      digest: digestOf([String(size), footer]),
      changed: mtimeMs,
    };
  });
}

/** Values of one top-level column. */
export async function readColumn(table: Table, column: string): Promise<unknown[]> {
  const { file, metadata } = table;
  return explain(file, async () => {
    const rows = await parquetReadObjects({
      file: await asyncBufferFromFile(file),
      metadata,
      columns: [column],
      compressors,
    });
    return rows.map((row) => row[column]);
  });
}

/** Elements along the path of a column that has one child at most below each. */
export function elementsOf({ schema }: FileMetaData, path: readonly string[]): SchemaElement[] | undefined {
  const out: SchemaElement[] = [];
  let level = topLevel(schema);
  for (const name of path) {
    const node = level.find((entry) => entry.name === name);
    if (node === undefined) return undefined;
    out.push(node.element);
    level = node.children();
  }
  return out;
}

interface Node {
  readonly name: string;
  readonly element: SchemaElement;
  children(): Node[];
}

/** The schema is a list of elements in depth-first order; each says how many children follow. */
function topLevel(schema: readonly SchemaElement[]): Node[] {
  let next = 0;
  const read = (): Node => {
    const element = schema[next++];
    if (element === undefined) throw new RangeError("the schema promises more columns than it has");
    const children = Array.from({ length: element.num_children ?? 0 }, read);
    return { name: element.name, element, children: () => children };
  };
  return read().children();
}

function featuresOf({ key_value_metadata }: FileMetaData): Table["features"] {
  const entry = key_value_metadata?.find(({ key }) => key === "huggingface");
  if (entry?.value === undefined) return {};
  const parsed: unknown = JSON.parse(entry.value);
  const info = (parsed as { info?: { features?: unknown } } | null)?.info;
  const features = info?.features;
  return typeof features === "object" && features !== null ? (features as Table["features"]) : {};
}

/** Bytes of a file. @throws RangeError when it has less */
export async function readRange(
  file: string,
  start: number,
  length: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const handle = await open(file);
  try {
    const { size } = await handle.stat();
    if (start < 0 || length < 0 || start + length > size) {
      throw new RangeError(`bytes ${start} to ${start + length} of ${size}`);
    }
    const bytes = new Uint8Array(length);
    for (let filled = 0; filled < length; ) {
      const { bytesRead } = await handle.read(bytes, filled, length - filled, start + filled);
      if (bytesRead === 0) throw new RangeError("the file became shorter");
      filled += bytesRead;
    }
    return bytes;
  } finally {
    await handle.close();
  }
}

/** Names the file in whatever goes wrong inside a reader. */
export async function explain<T>(file: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (cause instanceof FileError) throw cause;
    throw new FileError(file, `cannot be read as parquet: ${(cause as Error).message}`, {
      hint: "the file may be cut off, damaged or of another kind (a Git LFS pointer is a few lines of text)",
      cause,
    });
  }
}

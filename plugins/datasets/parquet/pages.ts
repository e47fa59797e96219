import { type ColumnMetaData, type FileMetaData, parquetReadObjects, type SchemaElement } from "hyparquet";
import { parquetHeader } from "hyparquet/src/column.js";
import { compressors } from "hyparquet-compressors";
import { elementsOf, readRange, type Table } from "./table.ts";

/** A stretch of a file. */
interface Range {
  readonly offset: number;
  readonly length: number;
}

/** One data page: what is compressed as a whole, and so the least that can be decoded. */
export interface Page extends Range {
  /** Within the row group. */
  readonly firstRow: number;
  readonly rows: number;
}

/** The pages of one column in one row group. */
export interface Chunk {
  readonly meta: ColumnMetaData;
  readonly dictionary?: Range;
  readonly pages: readonly Page[];
}

/** Page headers are tens of bytes, but may carry statistics of kilobytes. */
const HEADER_SIZES = [4 << 10, 64 << 10, 1 << 20];
/** Refused before anything is allocated for it; parquet writers make pages of about a mebibyte. */
const LARGEST_PAGE = 2 ** 30;

/**
 * Reads the page headers of a column in one row group, and nothing of the pages.
 * @throws RangeError for sizes that do not fit the chunk
 */
export async function readChunk(
  { file, metadata }: Table,
  group: number,
  path: readonly string[],
): Promise<Chunk> {
  const rowGroup = metadata.row_groups[group];
  const name = path.join(".");
  const meta = rowGroup?.columns.find(
    ({ meta_data }) => meta_data?.path_in_schema.join(".") === name,
  )?.meta_data;
  if (rowGroup === undefined || meta === undefined) throw new RangeError(`row group ${group} lacks ${name}`);
  const start = Number(meta.dictionary_page_offset || meta.data_page_offset);
  const end = start + Number(meta.total_compressed_size);
  const rows = Number(rowGroup.num_rows);
  const pages: Page[] = [];
  let dictionary: Range | undefined;
  let firstRow = 0;
  for (let offset = start; offset < end && firstRow < rows; ) {
    const { header, size } = await readHeader(file, offset, end);
    const body = header.compressed_page_size;
    const unpacked = Number(header.uncompressed_page_size);
    const range = { offset, length: size + body };
    if (!(body >= 0 && unpacked >= 0 && unpacked <= LARGEST_PAGE && offset + range.length <= end)) {
      throw new RangeError(`the page at byte ${offset} states the sizes ${body} and ${unpacked}`);
    }
    if (header.type === "DICTIONARY_PAGE") dictionary = range;
    else {
      const count = header.data_page_header?.num_values ?? header.data_page_header_v2?.num_rows ?? 0;
      if (!(count >= 0 && firstRow + count <= rows)) {
        throw new RangeError(`the page at byte ${offset} states ${count} rows of ${rows}`);
      }
      if (count > 0) pages.push({ ...range, firstRow, rows: count });
      firstRow += count;
    }
    offset += range.length;
  }
  if (firstRow !== rows)
    throw new RangeError(`the pages of row group ${group} have ${firstRow} rows of ${rows}`);
  return { meta, ...(dictionary && { dictionary }), pages };
}

async function readHeader(file: string, offset: number, end: number) {
  for (const most of HEADER_SIZES) {
    const length = Math.min(most, end - offset);
    const { buffer } = await readRange(file, offset, length);
    const reader = { view: new DataView(buffer), offset: 0 };
    try {
      return { header: parquetHeader(reader), size: reader.offset };
    } catch (error) {
      // The header goes on behind what was read.
      if (!(error instanceof RangeError) || most > length || most === HEADER_SIZES.at(-1)) throw error;
    }
  }
  throw new RangeError(`no page header at byte ${offset}`);
}

/**
 * Decodes one page: the images of its rows, undefined where a row has none. The page is shown to hyparquet as a whole file
 * of one row group with one column, since its own readers start at the beginning of a row group.
 */
export async function decodePage(
  { file, metadata }: Table,
  { meta, dictionary }: Chunk,
  page: Page,
  path: readonly string[],
): Promise<(Uint8Array | undefined)[]> {
  const parts = [new Uint8Array(4)];
  if (dictionary) parts.push(await readRange(file, dictionary.offset, dictionary.length));
  const dataAt = parts.reduce((sum, { length }) => sum + length, 0);
  parts.push(await readRange(file, page.offset, page.length));
  const { buffer } = new Uint8Array(await new Blob(parts).arrayBuffer());
  const rows = await parquetReadObjects({
    file: { byteLength: buffer.byteLength, slice: (start, end) => buffer.slice(start, end) },
    metadata: onePage(metadata, elementsOf(metadata, path)!, page.rows, {
      ...meta,
      num_values: BigInt(page.rows),
      data_page_offset: BigInt(dataAt),
      dictionary_page_offset: dictionary ? 4n : undefined,
      total_compressed_size: BigInt(buffer.byteLength - 4),
    }),
    utf8: false,
    compressors,
  });
  if (rows.length !== page.rows)
    throw new RangeError(`the page at byte ${page.offset} has ${rows.length} rows`);
  return rows.map((row) => {
    let value: unknown = row;
    for (const name of path) value = (value as Record<string, unknown> | null | undefined)?.[name];
    return value instanceof Uint8Array ? value : undefined;
  });
}

function onePage(
  metadata: FileMetaData,
  path: readonly SchemaElement[],
  rows: number,
  meta: ColumnMetaData,
): FileMetaData {
  const leaf = path.length - 1;
  return {
    version: metadata.version,
    schema: [
      { name: "root", num_children: 1 },
      ...path.map((element, i) => (i < leaf ? { ...element, num_children: 1 } : element)),
    ],
    num_rows: BigInt(rows),
    row_groups: [
      {
        columns: [{ file_offset: 0n, meta_data: meta }],
        total_byte_size: meta.total_uncompressed_size,
        num_rows: BigInt(rows),
      },
    ],
    metadata_length: 0,
  };
}

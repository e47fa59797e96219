import { FileError } from "../../../core/plugin-api/index.ts";

export interface CsvRecord {
  /** Line it begins at, from 1. */
  readonly line: number;
  readonly fields: readonly string[];
}

/**
 * Parses comma-separated values (RFC 4180): fields may be quoted, and then hold commas, line breaks and doubled quotes.
 * Blank lines are skipped.
 * @throws FileError with the line of a quote that is not closed, or text behind a closing one
 */
export function parseCsv(text: string, file: string): CsvRecord[] {
  const records: CsvRecord[] = [];
  let at = 0;
  let line = 1;
  while (at < text.length) {
    const record = { line, fields: [] as string[] };
    for (;;) {
      let field: string;
      if (text[at] === '"') {
        const start = line;
        const parts: string[] = [];
        for (;;) {
          const close = text.indexOf('"', at + 1);
          if (close < 0) throw new FileError(`${file}:${start}`, "a quoted field is not closed");
          const part = text.slice(at + 1, close);
          for (let i = part.indexOf("\n"); i >= 0; i = part.indexOf("\n", i + 1)) line++;
          parts.push(part);
          at = close + 1;
          if (text[at] !== '"') break;
        }
        field = parts.join('"');
        if (at < text.length && !",\r\n".includes(text[at]!)) {
          throw new FileError(`${file}:${line}`, "there is text behind the closing quote of a field");
        }
      } else {
        const start = at;
        while (at < text.length && text[at] !== "," && text[at] !== "\n") at++;
        field = text.slice(start, at).replace(/\r$/, "");
      }
      record.fields.push(field);
      if (text[at] !== ",") break;
      at++;
    }
    if (text[at] === "\r") at++;
    if (at < text.length && text[at] !== "\n") {
      throw new FileError(`${file}:${line}`, "there is text behind the closing quote of a field");
    }
    at++;
    line++;
    if (record.fields.length > 1 || record.fields[0] !== "") records.push(record);
  }
  return records;
}

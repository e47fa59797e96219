/** A report before it is Markdown or HTML. All texts are plain; whoever renders escapes them. */
export type Block =
  | { readonly kind: "heading"; readonly level: 1 | 2 | 3; readonly text: string }
  | { readonly kind: "paragraph"; readonly text: string; readonly lead?: boolean }
  | { readonly kind: "list"; readonly items: readonly string[] }
  | Table
  | { readonly kind: "figures"; readonly figures: readonly Figure[] };

export interface Table {
  readonly kind: "table";
  readonly header: readonly string[];
  readonly rows: readonly (readonly Cell[])[];
  /** Columns aligned left; the rest are aligned right. */
  readonly leftColumns: number;
}

export interface Cell {
  readonly text: string;
  /** Set in smaller type after the text. */
  readonly note?: string;
  readonly strong?: boolean;
}

export interface Figure {
  /** Fit for a file name, unique in the report. */
  readonly name: string;
  readonly caption: string;
  readonly svg: string;
}

export const cell = (text: string, note?: string): Cell => (note ? { text, note } : { text });
export const heading = (level: 1 | 2 | 3, text: string): Block => ({ kind: "heading", level, text });
export const paragraph = (text: string): Block => ({ kind: "paragraph", text });

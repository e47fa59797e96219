/** One thing wrong in user-written data. */
export interface Problem {
  /** Property names and indices from the root. */
  readonly path: readonly (string | number)[];
  /** Whether the property's name is wrong (point at the key) or its value. */
  readonly at: "key" | "value";
  readonly problem: string;
  readonly hint?: string;
}

/** Segments as an RFC 6901 JSON pointer; the root is the empty string. */
export function toPointer(path: readonly (string | number)[]): string {
  return path.map((part) => `/${String(part).replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");
}

/** A JSON pointer as segments; numerals become indices. */
export function fromPointer(pointer: string): (string | number)[] {
  return pointer
    .split("/")
    .slice(1)
    .map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"))
    .map((part) => (/^(0|[1-9]\d*)$/.test(part) ? Number(part) : part));
}

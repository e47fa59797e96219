import { createHash } from "node:crypto";

/** sha256 (hex) over parts; lengths are hashed too, so that no two lists of parts run into the same bytes. */
export function digestOf(parts: Iterable<string | Uint8Array>): string {
  const hash = createHash("sha256");
  for (const part of parts) {
    const bytes = typeof part === "string" ? Buffer.from(part, "utf8") : part;
    hash.update(`${bytes.length}:`).update(bytes);
  }
  return hash.digest("hex");
}

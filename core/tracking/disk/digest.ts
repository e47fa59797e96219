import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";

export interface Digest {
  /** Hex. */
  readonly sha256: string;
  /** Bytes. */
  readonly size: number;
}

/** Of a file of any size. @throws Node's own error when it cannot be read */
export async function digestOf(file: string): Promise<Digest> {
  const hash = createHash("sha256");
  let size = 0;
  for await (const chunk of createReadStream(file)) {
    hash.update(chunk as Buffer);
    size += (chunk as Buffer).length;
  }
  return { sha256: hash.digest("hex"), size };
}

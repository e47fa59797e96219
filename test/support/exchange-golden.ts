import { readFileSync } from "node:fs";
import { join } from "node:path";
import { EXCHANGE } from "./exchange-cases.ts";

/** Tensors are base64 of little-endian float32, `bytes` of uint8. */
interface Golden {
  /** Versions of peft and transformers. */
  readonly reference: string;
  readonly torch: string;
  /** [17, 3, 8, 8], normalised. */
  readonly pixels: string;
  /** [17, 8, 8, 3] */
  readonly bytes: string;
  /** Folders of ours: what peft computes with them, and the sha256 of the files it was given. */
  readonly own: Readonly<
    Record<
      string,
      {
        readonly features: string;
        readonly logits: string;
        readonly digest: Readonly<Record<string, string>>;
      }
    >
  >;
  /** Folders of peft's. */
  readonly peft: Readonly<Record<string, { readonly base: string; readonly features: string }>>;
  readonly onnx: Readonly<Record<string, { readonly logits: string; readonly onnxruntimeError: number }>>;
}

export const golden = JSON.parse(readFileSync(join(EXCHANGE, "golden.json"), "utf8")) as Golden;

/** Images in the golden file. */
export const IMAGES = 17;

export function floats(text: string): Float32Array {
  const bytes = Buffer.from(text, "base64");
  return Float32Array.from({ length: bytes.length / 4 }, (_, i) => bytes.readFloatLE(4 * i));
}

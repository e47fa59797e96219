import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { TensorData } from "../../core/graph/index.ts";
import { unpackFloat32 } from "./golden-array.ts";

/** Where the exported models of scripts/fixtures/any-onnx.py are. */
export const ANY_ONNX = fileURLToPath(new URL("../fixtures/any-onnx", import.meta.url));

/** What torch says of one of them. */
export interface AnyOnnxCase {
  readonly optimizer: "sgd" | "adamw";
  readonly lr: number;
  readonly epsilon?: number;
  /** Tokens, or float32 packed. */
  readonly x: readonly (readonly number[])[] | string;
  readonly labels: readonly number[];
  readonly shape: readonly number[];
  readonly logits: string;
  readonly losses: readonly number[];
  /** Of the first step. */
  readonly gradients: Readonly<Record<string, string>>;
  /** After the last step. */
  readonly params: Readonly<Record<string, string>>;
}

export const anyOnnxGolden = JSON.parse(readFileSync(`${ANY_ONNX}/golden.json`, "utf8")) as {
  readonly reference: string;
  readonly batch: number;
  readonly classes: number;
  readonly cases: Readonly<Record<string, AnyOnnxCase>>;
};

/** The batch that a case was trained on. */
export function feedsOf({ x, labels }: AnyOnnxCase): { x: TensorData; labels: BigInt64Array } {
  return {
    x: typeof x === "string" ? unpackFloat32(x) : BigInt64Array.from(x.flat(), BigInt),
    labels: BigInt64Array.from(labels, BigInt),
  };
}

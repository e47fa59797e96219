import type { DType } from "../../graph/index.ts";

/** Element types of the safetensors format. */
export type SafetensorsDType =
  | "BOOL"
  | "U8"
  | "I8"
  | "F8_E4M3"
  | "F8_E5M2"
  | "U16"
  | "I16"
  | "F16"
  | "BF16"
  | "U32"
  | "I32"
  | "F32"
  | "U64"
  | "I64"
  | "F64";

/** Bytes of one element. */
export const bytesPerElement: Readonly<Record<SafetensorsDType, number>> = {
  BOOL: 1,
  U8: 1,
  I8: 1,
  F8_E4M3: 1,
  F8_E5M2: 1,
  U16: 2,
  I16: 2,
  F16: 2,
  BF16: 2,
  U32: 4,
  I32: 4,
  F32: 4,
  U64: 8,
  I64: 8,
  F64: 8,
};

export const isSafetensorsDType = (name: unknown): name is SafetensorsDType =>
  typeof name === "string" && Object.hasOwn(bytesPerElement, name);

const graphDTypes: Partial<Record<SafetensorsDType, DType>> = {
  F32: "float32",
  F64: "float64",
  F16: "float16",
  BF16: "bfloat16",
  I64: "int64",
  I32: "int32",
  U8: "uint8",
  BOOL: "bool",
};

/** The graph's name for an element type; undefined where graphs have none (8-bit floats, unsigned words). */
export const graphDType = (dtype: SafetensorsDType): DType | undefined => graphDTypes[dtype];

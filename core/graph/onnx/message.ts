/**
 * The parts of ONNX's messages (onnx.proto3) that are read and written here, as onnx-proto decodes them. Described on
 * their own, so that no declaration of this package needs those of onnx-proto. What is not named is kept.
 */

/** A 64-bit integer: a number, or an object (Long) that Number and String take. */
export type OnnxInt64 = number | { readonly low: number; readonly high: number; readonly unsigned: boolean };

/** ModelProto, with the graph that every model has. */
export interface OnnxModel {
  readonly irVersion?: OnnxInt64 | null;
  readonly opsetImport?:
    | readonly { readonly domain?: string | null; readonly version?: OnnxInt64 | null }[]
    | null;
  readonly producerName?: string | null;
  readonly producerVersion?: string | null;
  readonly domain?: string | null;
  readonly modelVersion?: OnnxInt64 | null;
  readonly docString?: string | null;
  readonly metadataProps?: readonly OnnxEntry[] | null;
  readonly graph: OnnxGraph;
}

/** StringStringEntryProto */
export interface OnnxEntry {
  readonly key?: string | null;
  readonly value?: string | null;
}

/** GraphProto; nodes are in executable order. */
export interface OnnxGraph {
  readonly name?: string | null;
  readonly docString?: string | null;
  readonly node?: readonly OnnxNode[] | null;
  readonly initializer?: readonly OnnxTensor[] | null;
  readonly input?: readonly OnnxValueInfo[] | null;
  readonly output?: readonly OnnxValueInfo[] | null;
  readonly valueInfo?: readonly OnnxValueInfo[] | null;
}

/** NodeProto; an optional input that is left out is "". */
export interface OnnxNode {
  readonly name?: string | null;
  readonly opType?: string | null;
  readonly domain?: string | null;
  readonly docString?: string | null;
  readonly input?: readonly string[] | null;
  readonly output?: readonly string[] | null;
  readonly attribute?: readonly OnnxAttribute[] | null;
}

/** AttributeProto; `type` is the number of its AttributeType. */
export interface OnnxAttribute {
  readonly name?: string | null;
  readonly type?: number | null;
  readonly f?: number | null;
  readonly i?: OnnxInt64 | null;
  readonly s?: Uint8Array | null;
  readonly t?: OnnxTensor | null;
  readonly g?: OnnxGraph | null;
  readonly floats?: readonly number[] | null;
  readonly ints?: readonly OnnxInt64[] | null;
  readonly strings?: readonly Uint8Array[] | null;
}

/** TensorProto; `dataType` is the number of its element type (`dtypeCodes`), `dataLocation` 1 for data in another file. */
export interface OnnxTensor {
  readonly name?: string | null;
  readonly dims?: readonly OnnxInt64[] | null;
  readonly dataType?: number | null;
  readonly rawData?: Uint8Array | null;
  readonly floatData?: readonly number[] | null;
  readonly doubleData?: readonly number[] | null;
  readonly int32Data?: readonly number[] | null;
  readonly int64Data?: readonly OnnxInt64[] | null;
  readonly dataLocation?: number | null;
  readonly externalData?: readonly OnnxEntry[] | null;
}

/** ValueInfoProto of a tensor. */
export interface OnnxValueInfo {
  readonly name?: string | null;
  readonly docString?: string | null;
  readonly type?: {
    readonly tensorType?: {
      readonly elemType?: number | null;
      readonly shape?: { readonly dim?: readonly OnnxDimension[] | null } | null;
    } | null;
  } | null;
}

/** A dimension: its size, or the name of an open one. */
export interface OnnxDimension {
  readonly dimValue?: OnnxInt64 | null;
  readonly dimParam?: string | null;
}

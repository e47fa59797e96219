import type { AttrValue, Shape } from "../value.ts";
import type { OnnxAttribute, OnnxModel, OnnxValueInfo } from "./message.ts";
import type { ParseOptions } from "./parse.ts";
import { onnx } from "./proto.ts";
import { OnnxFormatError } from "./tensor.ts";

/** @throws OnnxFormatError for tensors and graphs, which are no values of attributes here */
export function attributeValue(attribute: OnnxAttribute): AttrValue {
  const { FLOAT, INT, INTS, FLOATS, STRING } = onnx.AttributeProto.AttributeType;
  if (attribute.type === INT) return Number(attribute.i ?? 0);
  if (attribute.type === FLOAT) return attribute.f ?? 0;
  if (attribute.type === INTS) return (attribute.ints ?? []).map(Number);
  if (attribute.type === FLOATS) return attribute.floats ?? [];
  if (attribute.type === STRING) return new TextDecoder().decode(attribute.s ?? new Uint8Array());
  throw new OnnxFormatError(`the attribute "${attribute.name}" has a type that is not supported`);
}

/** The file as its message. @throws OnnxFormatError for bytes that are none */
export function decodeModel(bytes: Uint8Array): OnnxModel {
  let model: Partial<OnnxModel>;
  try {
    model = onnx.ModelProto.decode(bytes) as Partial<OnnxModel>;
  } catch (cause) {
    throw new OnnxFormatError("the bytes are not an ONNX model", { cause });
  }
  if (!model.graph) throw new OnnxFormatError("the model has no graph");
  return model as OnnxModel;
}

/** What an input's dimensions are, where the file or the options say so. */
export function inputShape({ name, type }: OnnxValueInfo, { dims = {}, shapes = {} }: ParseOptions): Shape {
  const declared = type?.tensorType?.shape?.dim ?? [];
  const given = shapes[name ?? ""];
  if (given && given.length !== declared.length) {
    throw new OnnxFormatError(`the input "${name}" has ${declared.length} dimensions, not ${given.length}`);
  }
  return declared.map(({ dimParam, dimValue }, axis) => {
    const fixed = Number(dimValue ?? 0);
    const size = given?.[axis] ?? (dimParam ? dims[dimParam] : fixed > 0 ? fixed : undefined);
    if (size === undefined) {
      const open = dimParam ? `an open dimension "${dimParam}"` : `no size for dimension ${axis}`;
      throw new OnnxFormatError(`the input "${name}" has ${open}`, {
        hint: dimParam ? "give its size in dims" : "give its shape in shapes",
      });
    }
    if (fixed > 0 && size !== fixed) {
      throw new OnnxFormatError(`dimension ${axis} of the input "${name}" is ${fixed}, not ${size}`);
    }
    return size;
  });
}

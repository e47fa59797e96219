import { DualtailError } from "../../errors.ts";
import { type DType, dtypeCodes, type OnnxValueInfo } from "../../graph/index.ts";

/** An input or output of a model. */
export interface TensorSpec {
  readonly name: string;
  readonly dtype: DType;
  /** −1: any size. */
  readonly shape: readonly number[];
}

/** @throws DualtailError for a value whose type or a dimension of whose shape is not given */
export function tensorSpecs(values: readonly OnnxValueInfo[] | null = []): TensorSpec[] {
  return (values ?? []).map(({ name, type }) => {
    const { elemType, shape } = type?.tensorType ?? {};
    const dtype = (Object.keys(dtypeCodes) as DType[]).find((own) => dtypeCodes[own] === elemType);
    if (!name || dtype === undefined || !shape?.dim)
      throw new DualtailError(`"${name}" of the ONNX model has no type`);
    return {
      name,
      dtype,
      shape: shape.dim.map(({ dimParam, dimValue }) => (dimParam ? -1 : Number(dimValue))),
    };
  });
}

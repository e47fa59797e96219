import { DualtailError } from "../../errors.ts";
import type { OnnxModel } from "../../graph/index.ts";

/** The model without foreign operator sets. @throws DualtailError for an operator outside the standard set */
export function standardOnly(model: OnnxModel): OnnxModel {
  const foreign = new Set(model.graph.node?.filter(({ domain }) => domain).map(({ opType }) => opType));
  if (foreign.size > 0) {
    throw new DualtailError(`it uses ${[...foreign].join(", ")}, which no standard ONNX operator stands for`);
  }
  return { ...model, opsetImport: (model.opsetImport ?? []).filter(({ domain }) => !domain) };
}

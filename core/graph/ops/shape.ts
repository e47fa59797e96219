import { type DType, sizeOf } from "../value.ts";
import { broadcastShapes, intAttr, intsAttr, type OpTable, resolveAxis, sameDType } from "./define.ts";

/** ONNX TensorProto.DataType numbers. */
export const dtypeCodes: Readonly<Record<DType, number>> = {
  float32: 1,
  uint8: 2,
  int32: 6,
  int64: 7,
  bool: 9,
  float16: 10,
  float64: 11,
  bfloat16: 16,
};

export const dtypeFromCode = (code: number): DType | undefined =>
  (Object.keys(dtypeCodes) as DType[]).find((dtype) => dtypeCodes[dtype] === code);

/** Operators that move, pick or convert elements. */
export const shapeOps: OpTable = {
  Cast: {
    attrs: { to: "int", saturate: "int" },
    infer(context) {
      const dtype = dtypeFromCode(intAttr(context.attrs, "to", 0));
      if (dtype === undefined) return context.fail(`cannot cast to ONNX type ${context.attrs.to}`);
      return [{ dtype, shape: context.input(0).shape }];
    },
  },
  Reshape: {
    attrs: { allowzero: "int" },
    infer(context) {
      const { dtype, shape } = context.input(0);
      const target = context.constant(1).map((dim, axis) => (dim === 0 ? (shape[axis] ?? 0) : dim));
      const open = target.indexOf(-1);
      const known = target.reduce((product, dim) => (dim === -1 ? product : product * dim), 1);
      const out = open < 0 ? target : target.map((dim) => (dim === -1 ? sizeOf(shape) / known : dim));
      if (sizeOf(out) !== sizeOf(shape) || out.some((dim) => !Number.isInteger(dim))) {
        context.fail(`cannot reshape to [${target.join(",")}]`);
      }
      return [{ dtype, shape: out }];
    },
  },
  Transpose: {
    attrs: { perm: "ints" },
    infer(context) {
      const { dtype, shape } = context.input(0);
      const perm = intsAttr(context.attrs, "perm") ?? shape.map((_, i) => shape.length - 1 - i);
      if ([...perm].sort((a, b) => a - b).some((axis, i) => axis !== i) || perm.length !== shape.length) {
        context.fail(`perm [${perm.join(",")}] is not a permutation of the axes`);
      }
      return [{ dtype, shape: perm.map((axis) => shape[axis]!) }];
    },
  },
  Expand: {
    infer(context) {
      const { dtype, shape } = context.input(0);
      const out = broadcastShapes(context.op, [context.input(0), { dtype, shape: context.constant(1) }]);
      return [{ dtype, shape: shape.length === 0 && out.length === 0 ? [] : out }];
    },
  },
  Concat: {
    attrs: { axis: "int" },
    infer(context) {
      const values = context.inputs.map((_, index) => context.input(index));
      const dtype = sameDType(
        context,
        values.map((_, i) => i),
      );
      const first = values[0]!.shape;
      const axis = resolveAxis(context, intAttr(context.attrs, "axis", 0), first.length);
      for (const { shape } of values) {
        if (shape.length !== first.length || shape.some((dim, i) => i !== axis && dim !== first[i])) {
          context.fail(`inputs differ in a dimension other than ${axis}`);
        }
      }
      const total = values.reduce((sum, { shape }) => sum + shape[axis]!, 0);
      return [{ dtype, shape: first.map((dim, i) => (i === axis ? total : dim)) }];
    },
  },
  Slice: {
    infer(context) {
      const { dtype, shape } = context.input(0);
      const [starts, ends] = [context.constant(1), context.constant(2)];
      const axes = context.inputs[3] ? context.constant(3) : starts.map((_, i) => i);
      const steps = context.inputs[4] ? context.constant(4) : starts.map(() => 1);
      const out = [...shape];
      axes.forEach((raw, i) => {
        const axis = resolveAxis(context, raw, shape.length);
        if (steps[i] !== 1) context.fail("only step 1 is supported");
        const bound = (at: number) => Math.min(Math.max(at < 0 ? at + shape[axis]! : at, 0), shape[axis]!);
        out[axis] = Math.max(0, bound(ends[i]!) - bound(starts[i]!));
      });
      return [{ dtype, shape: out }];
    },
  },
  Pad: {
    attrs: { mode: "string" },
    infer(context) {
      const { dtype, shape } = context.input(0);
      const pads = context.constant(1);
      if (pads.length !== 2 * shape.length)
        context.fail(`needs ${2 * shape.length} pads, got ${pads.length}`);
      return [{ dtype, shape: shape.map((dim, i) => dim + pads[i]! + pads[i + shape.length]!) }];
    },
  },
  Gather: {
    attrs: { axis: "int" },
    infer(context) {
      const [data, indices] = [context.input(0), context.input(1)];
      if (indices.dtype !== "int64" && indices.dtype !== "int32") context.fail("indices must be integers");
      const axis = resolveAxis(context, intAttr(context.attrs, "axis", 0), data.shape.length);
      const shape = [...data.shape.slice(0, axis), ...indices.shape, ...data.shape.slice(axis + 1)];
      return [{ dtype: data.dtype, shape }];
    },
  },
  ScatterND: {
    attrs: { reduction: "string" },
    infer: (context) => [context.input(0)],
  },
  Squeeze: {
    infer(context) {
      const { dtype, shape } = context.input(0);
      const axes = context.inputs[1]
        ? context.constant(1).map((axis) => resolveAxis(context, axis, shape.length))
        : shape.flatMap((dim, i) => (dim === 1 ? [i] : []));
      if (axes.some((axis) => shape[axis] !== 1))
        context.fail(`axes [${axes.join(",")}] are not all of size 1`);
      return [{ dtype, shape: shape.filter((_, i) => !axes.includes(i)) }];
    },
  },
  Unsqueeze: {
    infer(context) {
      const { dtype, shape } = context.input(0);
      const given = context.constant(1);
      const rank = shape.length + given.length;
      const axes = given.map((axis) => resolveAxis(context, axis, rank));
      const rest = [...shape];
      return [
        { dtype, shape: Array.from({ length: rank }, (_, i) => (axes.includes(i) ? 1 : rest.shift()!)) },
      ];
    },
  },
};

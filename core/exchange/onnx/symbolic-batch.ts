import type { onnx as OnnxNamespace } from "onnx-proto";
import { DualtailError } from "../../errors.ts";
import { dtypeCodes, type OnnxModel } from "../../graph/index.ts";

type TensorProto = OnnxNamespace.ITensorProto;
type NodeProto = OnnxNamespace.INodeProto;
type ValueInfo = OnnxNamespace.IValueInfoProto;

/** Two primes that no other dimension of a model has, so that nothing equals the batch size by accident. */
const SIZES = [1009, 1013] as const;

/** A model whose dependence on the batch size is more than that of its shapes. */
export class BatchError extends DualtailError {}

/**
 * Makes the batch size of a static model a symbolic dimension. The model is built at two sizes, which must differ in
 * nothing but inputs' and outputs' dimensions and target shapes of Reshape and Expand, each in proportion to the batch;
 * what differs is then computed from the input's shape.
 * @throws BatchError when they differ in anything else
 */
export function withSymbolicBatch(build: (batch: number) => OnnxModel, dimension = "batch"): OnnxModel {
  const [model, other] = SIZES.map(build) as [OnnxModel, OnnxModel];
  const [a, b] = [model.graph, other.graph];
  const input = symbolic(a.input ?? [], b.input ?? [], dimension);
  const output = symbolic(a.output ?? [], b.output ?? [], dimension);
  const axes = batchAxes(input, dimension);
  const [first] = axes;
  if (first === undefined) throw new BatchError("no input of the model has the batch as a dimension");
  const targets = batchTargets(first.name, first.axis);
  const [own, others] = [tensorsOf(a), tensorsOf(b)];
  const [nodes, otherNodes] = [a.node ?? [], b.node ?? []];
  if (nodes.length !== otherNodes.length)
    throw new BatchError("the batch size changes the model's structure");
  const rewritten = nodes.map((node, i): NodeProto => {
    const twin = otherNodes[i]!;
    if (describe(node) !== describe(twin)) {
      throw new BatchError(`the batch size changes node ${i}, ${node.opType} "${node.output?.[0]}"`);
    }
    return {
      ...node,
      input: (node.input ?? []).map((name, at) => {
        const [tensor, twinTensor] = [own.get(name), others.get(twin.input![at]!)];
        if (tensor === undefined && twinTensor === undefined && name === twin.input![at]) return name;
        if (tensor === undefined || twinTensor === undefined) {
          throw new BatchError(`the batch size changes what ${node.opType} "${node.output?.[0]}" reads`);
        }
        return sameContent(tensor, twinTensor) ? name : targets.of(node, at, tensor, twinTensor);
      }),
    };
  });
  const all = [...targets.nodes(), ...rewritten];
  const used = new Set(all.flatMap((node) => node.input ?? []));
  return {
    ...model,
    graph: {
      ...a,
      input,
      output,
      node: all,
      initializer: [...(a.initializer ?? []), ...targets.initializers()].filter(({ name }) =>
        used.has(name ?? ""),
      ),
    },
  };
}

/** Values with the batch as a named dimension. */
function symbolic(values: readonly ValueInfo[], twins: readonly ValueInfo[], dimension: string): ValueInfo[] {
  return values.map((value, i) => {
    const type = value.type!.tensorType!;
    const dims = (of: ValueInfo | undefined) =>
      (of?.type?.tensorType?.shape?.dim ?? []).map((dim) => Number(dim.dimValue));
    const [own, other] = [dims(value), dims(twins[i])];
    const dim = own.map((size, axis) => {
      if (size === other[axis]) return { dimValue: size };
      if (size === SIZES[0] && other[axis] === SIZES[1]) return { dimParam: dimension };
      throw new BatchError(`dimension ${axis} of "${value.name}" is not the batch size itself`);
    });
    return { ...value, type: { tensorType: { ...type, shape: { dim } } } };
  });
}

const batchAxes = (inputs: readonly ValueInfo[], dimension: string): { name: string; axis: number }[] =>
  inputs.flatMap(({ name, type }) => {
    const axis = (type?.tensorType?.shape?.dim ?? []).findIndex(({ dimParam }) => dimParam === dimension);
    return axis < 0 ? [] : [{ name: name!, axis }];
  });

const tensorsOf = ({ initializer }: OnnxModel["graph"]): Map<string, TensorProto> =>
  new Map((initializer ?? []).map((tensor) => [tensor.name!, tensor]));

/** All that two nodes must have in common; inputs are compared by what they are. */
const describe = ({ opType, domain, output, attribute, input }: NodeProto): string =>
  JSON.stringify([opType, domain, output, input?.length, attribute]);

function sameContent(a: TensorProto, b: TensorProto): boolean {
  const header = ({ dataType, dims, dataLocation, externalData }: TensorProto) =>
    JSON.stringify([dataType, dims, dataLocation, externalData]);
  return header(a) === header(b) && Buffer.compare(a.rawData ?? EMPTY, b.rawData ?? EMPTY) === 0;
}
const EMPTY = new Uint8Array();

/** Shapes that depend on the batch size, as nodes that compute them. */
function batchTargets(input: string, axis: number) {
  const made = new Map<string, { name: string; nodes: NodeProto[] }>();
  const constants = new Map<string, TensorProto>();
  const size = "batch_size";

  const ints = (values: readonly number[]): string => {
    const name = `shape_${values.join("_")}`;
    const rawData = new Uint8Array(BigInt64Array.from(values, BigInt).buffer);
    constants.set(name, { name, dims: [values.length], dataType: dtypeCodes.int64, rawData });
    return name;
  };

  const computed = (factors: readonly Entry[]): string => {
    const key = factors.map(({ value, perSample }) => (perSample ? `b${value}` : value)).join("_");
    const known = made.get(key);
    if (known) return known.name;
    const nodes: NodeProto[] = [];
    const parts = factors.map(({ value, perSample }) => {
      if (!perSample) return ints([value]);
      if (value === 1) return size;
      const name = `batch_size_times_${value}`;
      if (!made.has(name)) {
        made.set(name, { name, nodes: [{ opType: "Mul", input: [size, ints([value])], output: [name] }] });
      }
      return name;
    });
    const name = `target_${key}`;
    nodes.push({
      opType: "Concat",
      input: parts,
      output: [name],
      attribute: [{ name: "axis", type: INT, i: 0 }],
    });
    made.set(key, { name, nodes });
    return name;
  };

  return {
    /** The input that takes the place of a shape that differs between the two builds. */
    of({ opType, output }: NodeProto, at: number, own: TensorProto, other: TensorProto): string {
      const where = `${opType} "${output?.[0]}"`;
      const entries = entriesOf(own, other);
      if (at !== 1 || !(opType === "Reshape" || opType === "Expand") || entries === undefined) {
        throw new BatchError(`the batch size changes a constant of ${where}`);
      }
      const open = entries.filter(({ perSample }) => perSample);
      return opType === "Reshape" && open.length === 1
        ? ints(entries.map(({ value, perSample }) => (perSample ? -1 : value)))
        : computed(entries);
    },
    nodes: (): NodeProto[] => {
      const nodes = [...made.values()].flatMap((entry) => entry.nodes);
      if (nodes.length === 0) return [];
      const range = [
        { name: "start", type: INT, i: axis },
        { name: "end", type: INT, i: axis + 1 },
      ];
      return [{ opType: "Shape", input: [input], output: [size], attribute: range }, ...nodes];
    },
    initializers: (): TensorProto[] => [...constants.values()],
  };
}

/** onnx.AttributeProto.AttributeType.INT */
const INT = 2;

interface Entry {
  readonly value: number;
  /** `value` times the batch size. */
  readonly perSample: boolean;
}

/** A shape's entries, fixed or in proportion to the batch; undefined when they are neither. */
function entriesOf(own: TensorProto, other: TensorProto): Entry[] | undefined {
  const values = ({ dataType, rawData }: TensorProto) =>
    dataType === dtypeCodes.int64 && rawData ? Array.from(int64s(rawData), Number) : undefined;
  const [a, b] = [values(own), values(other)];
  if (a === undefined || b === undefined || a.length !== b.length) return undefined;
  const entries = a.map((value, i): Entry | undefined => {
    if (value === b[i]) return value === -1 || value === 0 ? undefined : { value, perSample: false };
    const factor = value / SIZES[0];
    return Number.isInteger(factor) && factor * SIZES[1] === b[i]
      ? { value: factor, perSample: true }
      : undefined;
  });
  return entries.every((entry) => entry !== undefined) ? entries : undefined;
}

/** A copy: the bytes need not be aligned. */
const int64s = (bytes: Uint8Array): BigInt64Array => new BigInt64Array(Uint8Array.from(bytes).buffer);

import { DualtailError } from "../../errors.ts";
import {
  dtypeCodes,
  type OnnxModel,
  type OnnxNode,
  type OnnxTensor,
  type OnnxValueInfo,
} from "../../graph/index.ts";
import { batchNumber } from "./batch-numbers.ts";

/** Two primes that no other dimension of a model has, so that nothing equals the batch size by accident. */
const SIZES = [1009, 1013] as const;

/** A model whose dependence on the batch size is more than that of its shapes. */
export class BatchError extends DualtailError {}

export interface SymbolicBatchOptions {
  /** Name of the dimension. */
  readonly dimension?: string;
  /** Also allow scalars that are n·B, 1 / (n·B) or log(n·B), as means over the batch and their gradients have. */
  readonly numbers?: boolean;
}

/**
 * Makes the batch size of a static model a symbolic dimension. The model is built at two sizes, which must differ in
 * nothing but inputs' and outputs' dimensions and target shapes of Reshape and Expand, each in proportion to the batch,
 * and with `numbers` in scalars that are functions of it; what differs is then computed from the input's shape.
 * @throws BatchError when they differ in anything else
 */
export function withSymbolicBatch(
  build: (batch: number) => OnnxModel,
  { dimension = "batch", numbers = false }: SymbolicBatchOptions = {},
): OnnxModel {
  const [model, other] = SIZES.map(build) as [OnnxModel, OnnxModel];
  const [a, b] = [model.graph, other.graph];
  const input = symbolic(a.input ?? [], b.input ?? [], dimension);
  const output = symbolic(a.output ?? [], b.output ?? [], dimension);
  const axes = batchAxes(input, dimension);
  const [first] = axes;
  if (first === undefined) throw new BatchError("no input of the model has the batch as a dimension");
  const targets = batchTargets(first.name, first.axis, numbers);
  const [own, others] = [tensorsOf(a), tensorsOf(b)];
  const [nodes, otherNodes] = [a.node ?? [], b.node ?? []];
  if (nodes.length !== otherNodes.length)
    throw new BatchError("the batch size changes the model's structure");
  const rewritten = nodes.map((node, i): OnnxNode => {
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
function symbolic(
  values: readonly OnnxValueInfo[],
  twins: readonly OnnxValueInfo[],
  dimension: string,
): OnnxValueInfo[] {
  return values.map((value, i) => {
    const type = value.type!.tensorType!;
    const dims = (of: OnnxValueInfo | undefined) =>
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

const batchAxes = (inputs: readonly OnnxValueInfo[], dimension: string): { name: string; axis: number }[] =>
  inputs.flatMap(({ name, type }) => {
    const axis = (type?.tensorType?.shape?.dim ?? []).findIndex(({ dimParam }) => dimParam === dimension);
    return axis < 0 ? [] : [{ name: name!, axis }];
  });

const tensorsOf = ({ initializer }: OnnxModel["graph"]): Map<string, OnnxTensor> =>
  new Map((initializer ?? []).map((tensor) => [tensor.name!, tensor]));

/** All that two nodes must have in common; inputs are compared by what they are. */
const describe = ({ opType, domain, output, attribute, input }: OnnxNode): string =>
  JSON.stringify([opType, domain, output, input?.length, attribute]);

function sameContent(a: OnnxTensor, b: OnnxTensor): boolean {
  const header = ({ dataType, dims, dataLocation, externalData }: OnnxTensor) =>
    JSON.stringify([dataType, dims, dataLocation, externalData]);
  return header(a) === header(b) && Buffer.compare(a.rawData ?? EMPTY, b.rawData ?? EMPTY) === 0;
}
const EMPTY = new Uint8Array();

/** Shapes that depend on the batch size, as nodes that compute them. */
function batchTargets(input: string, axis: number, numbers: boolean) {
  const made = new Map<string, { name: string; nodes: OnnxNode[] }>();
  const constants = new Map<string, OnnxTensor>();
  const size = "batch_size";

  const ints = (values: readonly number[]): string => {
    const name = `shape_${values.join("_") || "scalar"}`;
    const rawData = new Uint8Array(BigInt64Array.from(values, BigInt).buffer);
    constants.set(name, { name, dims: [values.length], dataType: dtypeCodes.int64, rawData });
    return name;
  };

  const computed = (factors: readonly Entry[]): string => {
    const key = factors.map(({ value, perSample }) => (perSample ? `b${value}` : value)).join("_");
    const known = made.get(key);
    if (known) return known.name;
    const nodes: OnnxNode[] = [];
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
    of({ opType, output }: OnnxNode, at: number, own: OnnxTensor, other: OnnxTensor): string {
      const where = `${opType} "${output?.[0]}"`;
      const number = numbers ? batchNumber(own, other, SIZES, ints, size) : undefined;
      if (number) {
        for (const node of number.nodes)
          made.set(node.output![0]!, { name: node.output![0]!, nodes: [node] });
        return number.name;
      }
      const entries = entriesOf(own, other);
      if (at !== 1 || !(opType === "Reshape" || opType === "Expand") || entries === undefined) {
        throw new BatchError(`the batch size changes a constant of ${where}`);
      }
      const open = entries.filter(({ perSample }) => perSample);
      return opType === "Reshape" && open.length === 1
        ? ints(entries.map(({ value, perSample }) => (perSample ? -1 : value)))
        : computed(entries);
    },
    nodes: (): OnnxNode[] => {
      const nodes = [...made.values()].flatMap((entry) => entry.nodes);
      if (nodes.length === 0) return [];
      const range = [
        { name: "start", type: INT, i: axis },
        { name: "end", type: INT, i: axis + 1 },
      ];
      return [{ opType: "Shape", input: [input], output: [size], attribute: range }, ...nodes];
    },
    initializers: (): OnnxTensor[] => [...constants.values()],
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
function entriesOf(own: OnnxTensor, other: OnnxTensor): Entry[] | undefined {
  const values = ({ dataType, rawData }: OnnxTensor) =>
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

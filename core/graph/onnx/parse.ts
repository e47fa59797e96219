import type { DualtailError } from "../../errors.ts";
import { ShapeError, UnknownOpError } from "../errors.ts";
import { createGraph, type Graph } from "../graph.ts";
import { opTable } from "../ops/index.ts";
import type { Attrs, FloatType, Node, Shape, Value } from "../value.ts";
import { type AdaptedNode, adapters } from "./adapters/index.ts";
import { constants } from "./constants.ts";
import { attributeValue, decodeModel, inputShape } from "./decode.ts";
import type { OnnxAttribute, OnnxGraph, OnnxModel, OnnxNode, OnnxTensor } from "./message.ts";
import { dtypeOf, OnnxFormatError, readTensor } from "./tensor.ts";

/** An operator of the file, and what it became. */
export interface ParsedNode {
  /** Its name in the file, or that of its first output. */
  readonly name: string;
  readonly op: string;
  readonly attrs: Attrs;
  /** Names in the file; "" for an optional input that is left out. */
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  readonly inputs: readonly (Value | null)[];
  readonly outputs: readonly Value[];
}

/** An ONNX file as a graph. */
export interface ParsedGraph {
  readonly graph: Graph;
  readonly inputs: Readonly<Record<string, Value>>;
  readonly outputs: Readonly<Record<string, Value>>;
  /** What the file holds as numbers, by name: initializers and Constant nodes; trained ones are inputs of the graph. */
  readonly weights: ReadonlyMap<string, Value>;
  /** Every tensor of the file by its name there. */
  readonly values: ReadonlyMap<string, Value>;
  /** The file's operators in order, without those whose result is known. */
  readonly nodes: readonly ParsedNode[];
  /** The operator of the file that a node of the graph was made for. */
  originOf(node: Node): ParsedNode | undefined;
}

/** How a file is read: sizes of what it leaves open, and what of it is trained or replaced. */
export interface ParseOptions {
  /** Sizes for named dimensions, e.g. { batch: 8 }. */
  readonly dims?: Readonly<Record<string, number>>;
  /** Whole shapes of inputs by name, for dimensions without a name. */
  readonly shapes?: Readonly<Record<string, Shape>>;
  /** Folder that external data is relative to. */
  readonly folder?: string;
  readonly floatType?: FloatType;
  /** Weights that become inputs of the graph, so that it can be differentiated by them. */
  readonly trainable?: (name: string) => boolean;
  /** What to use in the place of an operator's outputs; undefined leaves them. */
  readonly rewrite?: (graph: Graph, node: ParsedNode) => readonly Value[] | undefined;
}

const OLDEST_OPSET = 7;

/**
 * Reads an ONNX model into a graph that can be extended, differentiated and written again. Shapes are numbers: what an
 * exporter computes from them at run time is worked out here, and operators of other versions are written with those of
 * the graph (operators of versions 7 and later of the standard set).
 * @throws OnnxFormatError for a model that is damaged, or has a dimension without a size; UnknownOpError for an operator
 * that graphs have none for
 */
export function parseGraph(source: Uint8Array | OnnxModel, options: ParseOptions = {}): ParsedGraph {
  const { folder = ".", floatType = "float32", trainable = () => false, rewrite } = options;
  const model = source instanceof Uint8Array ? decodeModel(source) : source;
  const proto = model.graph;
  const opset = Number(
    model.opsetImport?.find(({ domain }) => !domain || domain === "ai.onnx")?.version ?? 18,
  );
  if (opset < OLDEST_OPSET) {
    throw new OnnxFormatError(`the model is written in version ${opset} of ONNX's operators`, {
      hint: `export it with an opset of ${OLDEST_OPSET} or later`,
    });
  }
  const graph = createGraph({ floatType });
  const known = constants(graph);
  const values = new Map<string, Value | null>([["", null]]);
  const weights = new Map<string, Value>();
  const origins = new Map<Node, ParsedNode>();
  const nodes: ParsedNode[] = [];

  const lookUp = (name: string): Value | null => {
    const value = values.get(name);
    if (value === undefined) throw new OnnxFormatError(`"${name}" is used before it is made`);
    return value;
  };
  const addWeight = (name: string, tensor: OnnxTensor): void => {
    const { dtype, shape, content } = readTensor(tensor, name, folder);
    const value = trainable(name)
      ? graph.input(name, dtype, shape)
      : graph.initializer(name, dtype, shape, content);
    values.set(name, value);
    weights.set(name, value);
  };

  const addConstant = (name: string, attrs: Record<string, OnnxAttribute>): void => {
    const { value_float: f, value_floats: fs, value_int: i, value_ints: is } = attrs;
    if (attrs.value?.t) addWeight(name, attrs.value.t);
    else if (f) values.set(name, graph.constant([f.f ?? 0], [], "float32"));
    else if (i) values.set(name, graph.constant([Number(i.i ?? 0)], [], "int64"));
    else if (fs) values.set(name, graph.constant(fs.floats ?? [], [fs.floats?.length ?? 0], "float32"));
    else if (is)
      values.set(name, graph.constant((is.ints ?? []).map(Number), [is.ints?.length ?? 0], "int64"));
    else throw new OnnxFormatError(`the Constant "${name}" holds no tensor`);
  };

  const addNode = (node: OnnxNode): void => {
    const op = node.opType ?? "";
    const protos = Object.fromEntries((node.attribute ?? []).map((a) => [a.name ?? "", a]));
    const outputNames = node.output ?? [];
    const name = node.name || outputNames[0] || op;
    if (op === "Constant") {
      addConstant(outputNames[0]!, protos);
      return;
    }
    const inputNames = node.input ?? [];
    const inputs = inputNames.map(lookUp);
    if (op === "If") {
      const condition = inputs[0] && known.of(inputs[0]);
      if (!condition)
        throw new OnnxFormatError(`node "${name}": which branch an If takes is known at run time only`);
      const branch = protos[condition.data[0] !== 0 ? "then_branch" : "else_branch"]!.g!;
      addNodes(branch);
      (branch.output ?? []).forEach((output, i) => {
        values.set(outputNames[i]!, lookUp(output.name ?? ""));
      });
      return;
    }
    const constant = op === "ConstantOfShape" ? known.filled(inputs[0]!, protos.value?.t) : undefined;
    if (constant) {
      values.set(outputNames[0]!, constant);
      return;
    }
    const attrs = Object.fromEntries(Object.entries(protos).map(([key, a]) => [key, attributeValue(a)]));
    const folded = node.domain && node.domain !== "ai.onnx" ? undefined : known.fold(op, inputs, attrs);
    if (folded) {
      values.set(outputNames[0]!, folded);
      return;
    }
    const before = graph.nodes.length;
    const made = inContext(name, () => emit(node, { name, inputs, attrs, outputs: outputNames.length }));
    const parsed = { name, op, attrs, inputNames, outputNames, inputs, outputs: made };
    const used = rewrite?.(graph, parsed) ?? made;
    for (const own of graph.nodes.slice(before)) origins.set(own, parsed);
    nodes.push({ ...parsed, outputs: used });
    outputNames.forEach((output, i) => {
      if (output !== "" && used[i]) values.set(output, used[i]);
    });
  };

  const emit = (
    { opType, domain }: OnnxNode,
    about: { name: string; inputs: readonly (Value | null)[]; attrs: Attrs; outputs: number },
  ): readonly Value[] => {
    const op = opType ?? "";
    const own = domain === "ai.onnx" ? "" : (domain ?? "");
    const { inputs, attrs, outputs } = about;
    const adapted = own === "" ? adapters[op]?.(adaptedNode(op, about)) : undefined;
    if (adapted) return adapted;
    const definition = opTable[op];
    if (definition === undefined || (definition.domain ?? "") !== own) {
      const table = [...Object.keys(opTable), ...Object.keys(adapters)];
      throw new UnknownOpError(own ? `${own}.${op}` : op, "shape rule", [...new Set(table)], {
        name: about.name,
      });
    }
    return graph.emit(op, inputs, attrs, outputs);
  };

  const adaptedNode = (
    op: string,
    { inputs, attrs, outputs }: { inputs: readonly (Value | null)[]; attrs: Attrs; outputs: number },
  ): AdaptedNode => {
    const fail = (problem: string, hint?: string): never => {
      throw new OnnxFormatError(`${op}: ${problem}`, hint === undefined ? {} : { hint });
    };
    return {
      g: graph,
      op,
      opset,
      inputs,
      attrs,
      outputs,
      fail,
      input: (at) => inputs[at] ?? fail(`input ${at} is missing`),
      ints: (at, attribute) => {
        const value = inputs[at];
        if (!value) return attrs[attribute] as readonly number[] | undefined;
        return (
          known.of(value)?.data ?? fail(`input ${at} is known at run time only, and shapes are numbers here`)
        );
      },
      number: (attribute, fallback) => Number(attrs[attribute] ?? fallback),
    };
  };

  const addNodes = (part: OnnxGraph): void => {
    graph.reserve((part.node ?? []).flatMap(({ output }) => output ?? []));
    for (const tensor of part.initializer ?? []) addWeight(tensor.name ?? "", tensor);
    if (part === proto) addInputs();
    for (const node of part.node ?? []) addNode(node);
  };

  const inputs: Record<string, Value> = {};
  const addInputs = (): void => {
    for (const input of proto.input ?? []) {
      const name = input.name ?? "";
      // Older files list their initializers as inputs, too.
      if (values.has(name)) continue;
      const type = input.type?.tensorType;
      inputs[name] = graph.input(name, dtypeOf(name, type?.elemType), inputShape(input, options));
      values.set(name, inputs[name]);
    }
  };

  addNodes(proto);
  const outputs = Object.fromEntries(
    (proto.output ?? []).map(({ name }) => {
      const value = lookUp(name ?? "");
      if (value === null) throw new OnnxFormatError("an output has no name");
      return [name ?? "", value];
    }),
  );
  values.delete("");
  return {
    graph,
    inputs,
    outputs,
    weights,
    nodes,
    values: values as ReadonlyMap<string, Value>,
    originOf: (node) => origins.get(node),
  };
}

/** Runs `make` and puts the node's name before what it says is wrong. */
function inContext<T>(name: string, make: () => T): T {
  try {
    return make();
  } catch (error) {
    if (!(error instanceof ShapeError) && !(error instanceof OnnxFormatError)) throw error;
    const { message, hint } = error as DualtailError;
    throw new OnnxFormatError(`node "${name}": ${message}`, {
      cause: error,
      ...(hint === undefined ? {} : { hint }),
    });
  }
}

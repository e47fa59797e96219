import { DualtailError } from "../errors.ts";
import { type Graph, type ParsedGraph, parseGraph, type Value } from "../graph/index.ts";
import type { ParamSpec } from "../training/params.ts";
import { type LoraSite, loraNames, withUpdate } from "./lora.ts";
import type { Dimensions, TrainableModel } from "./model.ts";
import { weightValues } from "./weights.ts";

/** A model as a graph in which what is trained is fed. */
export interface BuiltModel {
  readonly graph: Graph;
  readonly parsed: ParsedGraph;
  readonly outputs: Readonly<Record<string, Value>>;
  /** The trained parameters, inputs of the graph. */
  readonly params: readonly { readonly value: Value; readonly spec: ParamSpec }[];
}

type Parts = Pick<TrainableModel, "message" | "folder" | "dimensions" | "trainable" | "lora" | "head">;

/** @throws OnnxFormatError, UnknownOpError as parseGraph does */
export function buildModel(model: Parts, dimensions: Dimensions = {}): BuiltModel {
  const { message, folder, trainable, lora, head } = model;
  const params: { value: Value; spec: ParamSpec }[] = [];
  const sites = new Map<string, LoraSite>(lora.map((site) => [site.output, site]));
  const updates = new Map<string, { a: Value; b: Value }>();

  const declare = (graph: Graph, spec: ParamSpec): Value => {
    const value = graph.input(spec.name, "float32", spec.shape);
    params.push({ value, spec });
    return value;
  };
  // One update per weight, however many products read it.
  const updateOf = (graph: Graph, { weight, rank, inWidth, outWidth }: LoraSite) => {
    const known = updates.get(weight);
    if (known) return known;
    const { a, b } = loraNames(weight);
    const init = { kind: "kaiming-uniform", a: Math.sqrt(5), fan: inWidth } as const;
    const made = {
      a: declare(graph, { name: a, shape: [rank, inWidth], init }),
      b: declare(graph, { name: b, shape: [outWidth, rank], init: { kind: "zeros" } }),
    };
    updates.set(weight, made);
    return made;
  };

  const parsed = parseGraph(message, {
    folder,
    dims: { ...model.dimensions.dims, ...dimensions.dims },
    shapes: { ...model.dimensions.shapes, ...dimensions.shapes },
    trainable: (name) => trainable.has(name),
    rewrite: (graph, node) => {
      const site = sites.get(node.outputNames[0] ?? "");
      return site && [withUpdate(graph, node, site, updateOf(graph, site))];
    },
  });
  const { graph } = parsed;
  for (const name of trainable) {
    const value = parsed.weights.get(name);
    if (value === undefined) throw new DualtailError(`the model has no weight "${name}"`);
    params.push({ value, spec: { name, shape: value.shape, init: () => weightValues(model, name) } });
  }
  if (head === undefined) return { graph, parsed, params, outputs: parsed.outputs };
  const features = parsed.values.get(head.from)!;
  const weight = declare(graph, {
    name: `${head.output}.weight`,
    shape: [head.classes, features.shape[1]!],
    init: { kind: "zeros" },
  });
  const bias = declare(graph, {
    name: `${head.output}.bias`,
    shape: [head.classes],
    init: { kind: "zeros" },
  });
  const scores = graph.linear(features, weight, bias);
  return { graph, parsed, params, outputs: { ...parsed.outputs, [head.output]: scores } };
}

import { isDeepStrictEqual } from "node:util";
import { DualtailError, FileError } from "../../errors.ts";
import { createGraph, type Graph, sizeOf, type Value } from "../../graph/index.ts";
import type { Preprocessor } from "../../models/checkpoint/folder.ts";
import { classifier } from "../../models/classifier.ts";
import { frozenWeights } from "../../models/frozen-weights.ts";
import type { TrainedMember, TrainedModel } from "../trained-model/trained-model.ts";
import { type Layout, normalised, pixelInput } from "./pixels.ts";

export interface ClassifierGraph {
  readonly graph: Graph;
  readonly outputs: { readonly logits: Value; readonly probabilities: Value };
  /** Values of the trained parameters, which are inputs of the graph. */
  readonly params: ReadonlyMap<string, Float32Array>;
}

/** The whole classifier for images of a batch: `pixel_values` → `logits` and `probabilities`, [N, K]. */
export function classifierGraph(model: TrainedModel, batch: number, layout?: Layout): ClassifierGraph {
  const { members, predict, strataPrior } = model;
  const preprocessor = sharedPreprocessor(model, layout);
  const graph = createGraph();
  const pixels = pixelInput(graph, batch, preprocessor, layout);
  const params = new Map<string, Float32Array>();
  const strata = members.map((member, m) =>
    memberLogits(graph, normalised(graph, pixels, member.checkpoint.preprocessor, layout), {
      member,
      classes: model.classNames.length,
      prefix: members.length === 1 ? "" : `model${m}.`,
      params,
    }),
  );
  const logits = predict ? predict(graph, strata, strataPrior) : strata[0]!;
  return { graph, params, outputs: { logits, probabilities: graph.softmax(logits, -1) } };
}

function memberLogits(
  g: Graph,
  pixels: Value,
  {
    member,
    classes,
    prefix,
    params,
  }: { member: TrainedMember; classes: number; prefix: string; params: Map<string, Float32Array> },
): Value {
  const { checkpoint, peft, headType, headScale, strata } = member;
  const { locate } = checkpoint;
  const built = classifier(g, pixels, {
    shape: checkpoint.config.vision,
    weights: frozenWeights(g, locate, prefix),
    locate,
    classes,
    peft,
    headType,
    headScale,
    ...(strata ? { strata } : {}),
    prefix,
  });
  const unused = new Set(member.params.keys());
  for (const { name, value } of built.params) {
    const own = name.slice(prefix.length);
    const trained = member.params.get(own);
    if (trained === undefined || trained.data.length !== sizeOf(value.shape)) {
      throw new DualtailError(
        `${member.label}: the trained parameter "${own}" is ${trained ? `of shape [${trained.shape}], not [${value.shape}]` : "missing"}`,
        { hint: "the trained parameters belong to another configuration" },
      );
    }
    unused.delete(own);
    params.set(name, trained.data);
  }
  if (unused.size > 0) {
    throw new DualtailError(
      `${member.label}: nothing in the model takes the trained ${[...unused].join(", ")}`,
      {
        hint: "the trained parameters belong to another configuration",
      },
    );
  }
  return built.logits;
}

/** The preprocessing of a model's only input. @throws FileError when the backbones want different images */
export function sharedPreprocessor({ members }: TrainedModel, layout?: Layout): Preprocessor {
  const [first, ...others] = members.map(({ checkpoint }) => checkpoint);
  const { preprocessor, folder } = first!;
  for (const other of others) {
    if (!isDeepStrictEqual(geometry(preprocessor), geometry(other.preprocessor))) {
      throw new FileError(
        other.folder,
        `prepares images in another way than ${folder}, and the exported model has one input`,
        {
          hint: "export a model of one backbone, or use backbones with equal image size, resize and crop",
        },
      );
    }
    if (layout === undefined && !isDeepStrictEqual(preprocessor, other.preprocessor)) {
      throw new FileError(other.folder, `normalises pixels otherwise than ${folder}`, {
        hint: "export with --include-preprocessing, so that each backbone normalises for itself",
      });
    }
  }
  return preprocessor;
}

const geometry = ({ rescale: _rescale, mean: _mean, std: _std, ...rest }: Preprocessor) => rest;

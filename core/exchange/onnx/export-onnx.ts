import { basename } from "node:path";
import { type DType, encodeModel, modelOf } from "../../graph/index.ts";
import { writeAtomically } from "../../models/checkpoint/write-atomically.ts";
import { describeModel } from "../trained-model/describe.ts";
import type { TrainedModel } from "../trained-model/trained-model.ts";
import { classifierGraph, sharedPreprocessor } from "./classifier-graph.ts";
import { INPUT, type Layout } from "./pixels.ts";
import { portableGraph } from "./portable.ts";
import { standardOnly } from "./standard-only.ts";
import { withSymbolicBatch } from "./symbolic-batch.ts";
import { type TensorSpec, tensorSpecs } from "./tensor-spec.ts";
import { embedWeights, externalWeights, weightBytes } from "./weights.ts";

/** How a classifier is written. */
export interface OnnxExportOptions {
  /** Take uint8 pixels in this layout and rescale and normalise them in the graph. */
  readonly preprocessing?: Layout | undefined;
  /** Write weights to `<file>.data` instead of into the file. */
  readonly externalData?: boolean | undefined;
  /** Keep half-precision weights as the checkpoint has them, behind a cast: a smaller file, the same numbers. */
  readonly keepHalf?: boolean | undefined;
  /** Write nothing when the weights have more bytes. */
  readonly largest?: number | undefined;
}

/** A written classifier. */
export interface OnnxExport {
  /** Written files with their sizes in bytes; none where the model is larger than it may be. */
  readonly files: readonly { readonly path: string; readonly bytes: number }[];
  /** The model's inputs and outputs, as the file declares them. */
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
}

/**
 * Writes a trained classifier as an ONNX model of standard operators: `pixel_values` [N, C, H, W] (or uint8 pixels)
 * → `logits` and `probabilities`, [N, K], N any. Class names and preprocessing are among its metadata.
 * @throws DualtailError when it cannot be one file; FileError for what cannot be read or written
 */
export async function exportOnnx(
  model: TrainedModel,
  file: string,
  { preprocessing, externalData = false, keepHalf = false, largest }: OnnxExportOptions = {},
): Promise<OnnxExport> {
  let widened: ReadonlyMap<string, DType> = new Map();
  const symbolic = withSymbolicBatch((batch) => {
    const { graph, outputs, params } = classifierGraph(model, batch, preprocessing);
    const portable = portableGraph(graph, outputs, { bound: params, keepHalf });
    widened = portable.widened;
    return modelOf(portable.graph, portable.outputs).model;
  });
  const complete = { ...standardOnly(symbolic), metadataProps: metadata(model, preprocessing) };
  const specs = { inputs: tensorSpecs(complete.graph.input), outputs: tensorSpecs(complete.graph.output) };
  if (largest !== undefined && weightBytes(complete, widened) > largest) return { files: [], ...specs };
  if (!externalData) {
    const bytes = encodeModel(await embedWeights(complete, widened));
    await writeAtomically(file, [bytes]);
    return { files: [{ path: file, bytes: bytes.byteLength }], ...specs };
  }
  const data = `${file}.data`;
  const external = await externalWeights(complete, widened, basename(data));
  const bytes = encodeModel(external.model);
  await writeAtomically(data, external.chunks());
  await writeAtomically(file, [bytes]);
  return {
    files: [
      { path: file, bytes: bytes.byteLength },
      { path: data, bytes: external.bytes },
    ],
    ...specs,
  };
}

function metadata(model: TrainedModel, preprocessing: Layout | undefined) {
  const { classNames } = model;
  const properties = {
    class_names: classNames,
    preprocessing: {
      ...sharedPreprocessor(model, preprocessing),
      input: INPUT,
      normalised_in_graph: preprocessing !== undefined,
      layout: preprocessing ?? "nchw",
    },
    model: describeModel(model),
  };
  return Object.entries(properties).map(([key, value]) => ({ key, value: JSON.stringify(value) }));
}

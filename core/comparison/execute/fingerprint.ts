import { createHash, randomUUID } from "node:crypto";
import { digestFiles } from "../../models/checkpoint/digest.ts";
import type { Dataset, Split } from "../../plugin-api/index.ts";
import { type Cell, type CellBackbone, canonicalJson } from "../plan/index.ts";
import type { PreparedBackbone } from "./backbone.ts";
import type { ExecutionContext } from "./context.ts";

/** Tag of a run whose result may be used again. */
export const FINGERPRINT = "dualtail.fingerprint";

/** Raised when the same inputs begin to give other results than rounding explains: no earlier run is used then. */
const NUMERICS = 1;

export interface Fingerprints {
  cell(cell: Cell, backbones: readonly PreparedBackbone[]): Promise<string>;
  zeroShot(backbone: CellBackbone, prepared: PreparedBackbone): Promise<string>;
}

type Named = Pick<PreparedBackbone, "checkpoint" | "pretrainCounts">;

/**
 * What a cell's id cannot know, as 32 hex digits: the content of what was read. Checkpoints (weights, configs and
 * tokenizer, recorded counts), class names, labels and digest of the data, the files of the user's own plugins that the
 * row uses (what they import is not seen), the versions of those that are objects. A zero-shot row's id is a label, so
 * that its fingerprint also holds what its result depends on.
 */
export function createFingerprints(
  context: Pick<ExecutionContext, "config" | "registry" | "dataset">,
): Fingerprints {
  const { config, dataset } = context;
  const data = datasetFacts(dataset);
  const print = async (backbones: readonly Named[], plugins: ReadonlySet<string>, content?: unknown) => {
    const checkpoints = await Promise.all(
      backbones.map(async ({ checkpoint, pretrainCounts }) => [await checkpoint.digest(), pretrainCounts]),
    );
    const code = await pluginDigests(context, plugins);
    return sha256(canonicalJson({ numerics: NUMERICS, data, checkpoints, code, content })).slice(0, 32);
  };
  return {
    cell: (cell, backbones) =>
      print(
        backbones,
        new Set([
          config.dataset.use,
          ...config.peft.map(({ use }) => use),
          ...cell.backbones.map(({ name }) => name),
          ...lossPlugins(cell),
        ]),
      ),
    zeroShot(backbone, prepared) {
      const { batchSize: _batchSize, ...evaluation } = config.evaluation;
      const content = { backbone: backbone.options, prompts: config.prompts, evaluation };
      return print([prepared], new Set([config.dataset.use, backbone.name]), content);
    },
  };
}

function datasetFacts({ name, classNames, digest, groupCounts, ...splits }: Dataset): unknown {
  const labels = ({ labels: own }: Split) => [
    own.length,
    sha256(new Uint8Array(own.buffer, own.byteOffset, own.byteLength)),
  ];
  const { train, validation, test } = splits;
  return {
    name,
    classNames,
    digest,
    groupCounts: groupCounts && [...groupCounts],
    train: labels(train),
    validation: validation && labels(validation),
    test: labels(test),
  };
}

/** The loss, what it combines, and what is chosen inside its options. */
export function lossPlugins({ loss, recipe }: Cell): string[] {
  const base = recipe.mode === "post-hoc" ? recipe.base?.use : undefined;
  const strata = recipe.mode === "single" ? recipe.strata?.use : undefined;
  return [loss.name, base, strata].filter((name) => name !== undefined);
}

/**
 * What the code of plugins that are not built in is told by, by their source: the digest of a file, or the version that
 * the application gave an object. An object without one is equal to nothing, so that no finished run is used again.
 */
async function pluginDigests(
  { registry }: Pick<ExecutionContext, "registry">,
  names: ReadonlySet<string>,
): Promise<Record<string, string>> {
  const used = registry.list().filter(({ plugin }) => names.has(plugin.name));
  const entries = used.map(async ({ plugin: { kind, name }, from, code }) => {
    if (code === undefined) return [];
    if (code.file !== undefined) return [[from, await digestFiles([code.file])]];
    return [[`${kind} ${name}`, code.version ?? `unknown: ${randomUUID()}`]];
  });
  return Object.fromEntries((await Promise.all(entries)).flat());
}

const sha256 = (content: string | Uint8Array): string => createHash("sha256").update(content).digest("hex");

import { describeError } from "../../errors.ts";
import type { Dataset, DatasetPlugin, DatasetSizes } from "../../plugin-api/index.ts";
import type { SizesFrom } from "./types.ts";

/** What is known of the data before anything is run. */
export interface KnownData {
  readonly sizes: DatasetSizes & { readonly from: SizesFrom };
  /** [K], each at least 1; as even as the total allows where only that is known. */
  readonly classCounts: readonly number[];
}

export interface DataResult {
  readonly data?: KnownData;
  readonly notes: readonly string[];
}

/** Longest that a dry run waits for a dataset that says how far it is. */
const PATIENCE_MS = 2000;
/** More steps than this are not begun at all. */
const MANY_STEPS = 1000;

class TakesLong extends Error {}

/**
 * Sizes of a dataset: counted, where its files are there and loading takes moments, else as published. What is wrong with
 * the files is told in a note and is no failure of a dry run.
 */
export async function knownData(
  plugin: DatasetPlugin,
  options: Readonly<Record<string, unknown>>,
  folders: { readonly baseDir: string; readonly cacheDir: string },
): Promise<DataResult> {
  const notes: string[] = [];
  const started = performance.now();
  const refuse = () => {
    throw new TakesLong();
  };
  try {
    const dataset = await plugin.load(
      {
        ...folders,
        seed: 0,
        progress: (_label, total) => {
          if (total > MANY_STEPS) refuse();
          return () => {
            if (performance.now() - started > PATIENCE_MS) refuse();
          };
        },
        warn: (message) => notes.push(message),
      },
      options,
    );
    return { data: counted(dataset), notes };
  } catch (error) {
    const why =
      error instanceof TakesLong
        ? `dataset ${plugin.name}: it is not prepared on this machine, which takes more than a moment`
        : `dataset ${plugin.name}: ${describeError(error)}`;
    const sizes = plugin.expected?.(options);
    if (sizes === undefined) return { notes: [`${why}; its sizes are not known without`] };
    return { data: published(sizes), notes: [`${why}; estimated with the published sizes`] };
  }
}

function counted({ classNames, train, validation, test }: Dataset): KnownData {
  const counts = new Array<number>(classNames.length).fill(0);
  for (const label of train.labels) counts[label]!++;
  const [image] = train.images;
  return {
    sizes: {
      classes: classNames.length,
      train: train.labels.length,
      ...(validation ? { validation: validation.labels.length } : {}),
      test: test.labels.length,
      ...(image?.kind === "pixels" ? { pixelBytes: image.data.length } : {}),
      from: "files",
    },
    classCounts: counts.map((count) => Math.max(1, count)),
  };
}

function published(sizes: DatasetSizes): KnownData {
  const each = Math.max(1, Math.round(sizes.train / sizes.classes));
  return {
    sizes: { ...sizes, from: "published" },
    classCounts: new Array<number>(sizes.classes).fill(each),
  };
}

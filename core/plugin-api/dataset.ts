import type { JsonSchema } from "./schema.ts";
import { PLUGIN_API_VERSION, type Versioned } from "./version.ts";

/**
 * Where one image comes from: a file to decode, a compressed image that is no file of its own (a cell of a parquet
 * table, a member of an archive), or raw interleaved pixels (height × width × channels, uint8).
 */
export type ImageSource =
  | { readonly kind: "file"; readonly path: string }
  | {
      readonly kind: "encoded";
      /** What to call it in messages. */
      readonly name: string;
      /** The compressed bytes (JPEG, PNG, …), read when they are needed. */
      readonly bytes: () => Promise<Uint8Array>;
    }
  | {
      readonly kind: "pixels";
      /** What to call it in messages. */
      readonly name: string;
      readonly data: Uint8Array;
      readonly width: number;
      readonly height: number;
      readonly channels: 1 | 3;
    };

/** One split: `images[i]` has label `labels[i]` in [0, K). */
export interface Split {
  readonly images: readonly ImageSource[];
  readonly labels: Int32Array;
}

/** A classification data set of K classes. */
export interface Dataset {
  /** Short name, e.g. "icons-lt-ir100". */
  readonly name: string;
  /** Class names as they go into prompts, index = label. */
  readonly classNames: readonly string[];
  readonly train: Split;
  /** Balanced or not; used for prior estimation and as KNN bank when present. */
  readonly validation?: Split;
  /** Class-balanced by the paper's protocol; a warning is printed where it is not. */
  readonly test: Split;
  /**
   * [K] training images per class that the D-groups (many, medium, few) are made from, where they are not those of `train`:
   * CIFAR-100-LT has the groups of its IR-100 split at every imbalance ratio.
   */
  readonly groupCounts?: readonly number[];
  /** Content digest (hex); equal digests mean equal data, and runs on it may be shared. */
  readonly digest: string;
  /** Where it comes from, for MLflow's dataset input (a path or URL without secrets). */
  readonly source: string;
}

/** What the host gives a dataset plugin. */
export interface DatasetContext {
  /** Folder for caches that survive between runs; the plugin uses a subfolder of its own. */
  readonly cacheDir: string;
  /** Relative paths in options are relative to this folder (the config file's). */
  readonly baseDir: string;
  /** Seed for anything drawn (subsampling): the same seed gives the same dataset. */
  readonly seed: number;
  /** Reports long work: `total` steps, then call the returned function with the number done so far. */
  readonly progress: (label: string, total: number) => (done: number) => void;
  /** A line for the user. */
  readonly warn: (message: string) => void;
}

/** Images per split and classes: what an estimate needs to know of a dataset. */
export interface DatasetSizes {
  /** K */
  readonly classes: number;
  readonly train: number;
  readonly validation?: number;
  readonly test: number;
  /** Bytes of an image's pixels, where they are all in memory once the dataset is loaded. */
  readonly pixelBytes?: number;
}

/** What somebody else reported on a dataset, in %. Results of different sources are never put into one table. */
export interface ReportedResults {
  /** Who, where, and which table. */
  readonly source: string;
  readonly rows: readonly {
    readonly method: string;
    /** Name of the loss here that it corresponds to, where there is one. */
    readonly loss?: string;
    readonly many?: number;
    readonly medium?: number;
    readonly few?: number;
    readonly overall: number;
  }[];
}

/** Loads a data set. */
export interface DatasetPlugin<O = Record<string, unknown>> extends Versioned {
  readonly kind: "dataset";
  readonly name: string;
  readonly summary: string;
  readonly options: JsonSchema;
  /** @throws DualtailError for missing or broken data, naming the file. */
  load(context: DatasetContext, options: O): Promise<Dataset>;
  /**
   * Sizes of a published dataset, for estimates where the data are not at hand; undefined where the options make it
   * another one. Reads nothing.
   */
  expected?(options: O): DatasetSizes | undefined;
  /** For the reference columns of a report. */
  readonly reported?: readonly ReportedResults[];
}

/** Declares a dataset plugin; `options` are checked against `plugin.options` before `load` is called. */
export function defineDataset<O>(plugin: Omit<DatasetPlugin<O>, "kind" | "apiVersion">): DatasetPlugin<O> {
  return { ...plugin, kind: "dataset", apiVersion: PLUGIN_API_VERSION };
}

import { existsSync, statSync } from "node:fs";
import path from "node:path";
import { ConfigError, DualtailError } from "../../../core/plugin-api/index.ts";
import { SPLIT_ALIASES, type SplitName } from "../shared/split-names.ts";

/** Folder of each split; one without a test folder has it drawn from the training images. */
export interface Folders {
  readonly train: string;
  readonly validation?: string;
  readonly test?: string;
}

export interface LocateOptions {
  readonly root?: string;
  readonly train?: string;
  readonly validation?: string;
  readonly test?: string;
  readonly testPerClass?: number;
}

/**
 * Finds the folders: those given, else the usual names below `root` or its folder `data`, else `root` itself as training
 * folder when it has no folder of any split.
 * @throws ConfigError or DualtailError saying which option is missing
 */
export function locate(baseDir: string, options: LocateOptions): Folders {
  const root = options.root === undefined ? undefined : path.resolve(baseDir, options.root);
  const found = (split: SplitName): string | undefined => {
    const given = options[split];
    if (given !== undefined) return path.resolve(baseDir, given);
    if (root === undefined) return undefined;
    return [root, path.join(root, "data")]
      .flatMap((folder) => SPLIT_ALIASES[split].map((name) => path.join(folder, name)))
      .find((folder) => statSync(folder, { throwIfNoEntry: false })?.isDirectory());
  };
  const [train, validation, test] = [found("train"), found("validation"), found("test")];
  const whole = root !== undefined && train === undefined && validation === undefined && test === undefined;
  if (train === undefined && root === undefined) {
    throw new ConfigError("/dataset", `image-folder needs the folder "train", or "root"`, {
      hint: "set root to a folder with train and test in it, or set train",
    });
  }
  if (test === undefined && options.testPerClass === undefined && (!whole || existsSync(root))) {
    throw new DualtailError(`${root ?? train}: there is no test folder`, {
      hint: "set either test to a folder, or testPerClass to draw that many images of each class from the training images",
    });
  }
  if (test !== undefined && options.testPerClass !== undefined) {
    throw new ConfigError("/dataset/testPerClass", `there is a test folder: ${test}`, {
      hint: "take testPerClass out, or set root to the training folder",
    });
  }
  return {
    train: train ?? (whole && existsSync(root) ? root : path.join(root!, "train")),
    ...(validation && { validation }),
    ...(test && { test }),
  };
}

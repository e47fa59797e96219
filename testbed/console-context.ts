import { join } from "node:path";
import type { DatasetContext } from "../core/plugin-api/index.ts";

/** What a dataset plugin is given when a script of this folder loads it: progress in tenths, on standard output. */
export const consoleContext = (root: string): DatasetContext => ({
  cacheDir: join(root, ".dualtail", "cache"),
  baseDir: root,
  seed: 0,
  progress: (label, total) => {
    let shown = 0;
    return (done) => {
      if (done < total && done - shown < total / 10) return;
      shown = done;
      console.log(`${label}: ${done} of ${total}`);
    };
  },
  warn: (message) => console.warn(message),
});

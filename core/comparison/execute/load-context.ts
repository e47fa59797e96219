import type { ExecuteOptions } from "../execution-types.ts";
import { countLabels, type ExecutionContext, isBalanced, trainingCounts } from "./context.ts";

/** Loads the data set and gathers what every part of the execution shares. */
export async function loadContext(
  options: Pick<ExecuteOptions, "config" | "registry" | "baseDir" | "reporter" | "signal" | "cacheDir">,
): Promise<ExecutionContext> {
  const { config, registry, baseDir, reporter, signal } = options;
  const plugin = registry.get("dataset", config.dataset.use);
  const dataset = await plugin.load(
    {
      cacheDir: options.cacheDir,
      baseDir,
      seed: 0,
      progress: (label, total) => {
        const stage = reporter.stage(label, total, "images");
        let last = 0;
        return (done) => {
          stage.advance(done - last);
          last = done;
          if (done >= total) stage.done();
        };
      },
      warn: (message) => reporter.warn(message),
    },
    config.dataset.options as never,
  );
  const trainCounts = trainingCounts(dataset);
  if (!isBalanced(countLabels(dataset.test, dataset.classNames.length))) {
    reporter.warn(`${dataset.name}: the test set is not class-balanced; accuracies are means over classes`);
  }
  const total = dataset.train.labels.length;
  return {
    config,
    registry,
    baseDir,
    cacheDir: options.cacheDir,
    reporter,
    signal,
    dataset,
    trainCounts,
    classPrior: Float32Array.from(trainCounts, (count) => count / total),
    compile: { device: config.device, ...(config.threads === undefined ? {} : { threads: config.threads }) },
  };
}

import type { Tracking } from "../container/index.ts";
import type { TrackedRun, Tracker } from "../tracking/index.ts";
import { TAGS } from "./tags.ts";

/**
 * Tracking whose nested runs are watched while they run, so that actions can be asked for there too, and no longer: a
 * look at MLflow stays small.
 * @param parentId own id of the comparison's run, which is always watched
 */
export const watchNestedRuns = (tracking: Tracking, parentId: string): Tracking => ({
  ...tracking,
  open: async (experiment) => {
    const tracker = await tracking.open(experiment);
    const nested = async (run: TrackedRun): Promise<TrackedRun> => {
      await run.setTags({ [TAGS.watch]: "1" });
      return watchedUntilFinished(run);
    };
    const watching: Tracker = {
      description: tracker.description,
      get experimentUrl() {
        return tracker.experimentUrl;
      },
      async startRun(start) {
        const run = await tracker.startRun(start);
        return start.parent ? nested(run) : run;
      },
      async resumeRun(id, name) {
        const run = await tracker.resumeRun(id, name);
        return id === parentId ? run : nested(run);
      },
      close: () => tracker.close(),
    };
    return tracker.finishedRuns
      ? Object.assign(watching, { finishedRuns: tracker.finishedRuns.bind(tracker) })
      : watching;
  },
});

/** A run whose actions are looked at while it runs. */
export const watchedUntilFinished = (run: TrackedRun): TrackedRun => ({
  ...run,
  get url() {
    return run.url;
  },
  async finish(status, reason) {
    await run.setTags({ [TAGS.watch]: "0" });
    await run.finish(status, reason);
  },
});

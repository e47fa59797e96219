import type { MlflowClient, RunInfo } from "../mlflow-js-client/index.ts";
import { MlflowError } from "../mlflow-js-client/index.ts";
import { TrackingError, tracked, trackingError } from "./errors.ts";
import { linkTestMetrics, putLoggedModel } from "./logged-model.ts";
import { createMetricBuffer } from "./metric-buffer.ts";
import { MAX_PARAM_VALUE, MAX_TAG_VALUE, shortened, shortenedTags, TAGS } from "./mlflow-tags.ts";
import { longParamArtifact, toMlflowInput } from "./mlflow-values.ts";
import { logModelArtifacts } from "./model-artifacts.ts";
import type { TrackedRun } from "./tracker.ts";

/** Writes straight to one run of an MLflow server. */
export interface MlflowRun extends TrackedRun {
  /** Delivers buffered metrics. */
  flush(): Promise<void>;
}

export function mlflowRun(client: MlflowClient, info: RunInfo): MlflowRun {
  const { runId, experimentId } = info;
  const buffer = createMetricBuffer({
    deliver: (metrics) => client.runs.logBatch(runId, { metrics }),
    // A refused point would be refused again; one that did not arrive should still do so.
    keepAfter: (error) => error instanceof MlflowError && error.transient,
  });

  let models = false;

  const run: MlflowRun = {
    id: runId,
    url: client.runUrl(experimentId, runId),
    async logParams(params) {
      const texts = Object.entries(params).map(([key, value]) => [key, String(value)] as const);
      for (const [key, text] of texts) {
        if (text.length > MAX_PARAM_VALUE) await run.logArtifact(longParamArtifact(key), text);
      }
      const short = Object.fromEntries(texts.map(([key, text]) => [key, shortened(text, MAX_PARAM_VALUE)]));
      await tracked(client.runs.logBatch(runId, { params: short }));
    },
    async logMetrics(points) {
      await tracked(buffer.add(points));
    },
    async setTags(tags) {
      await tracked(client.runs.logBatch(runId, { tags: shortenedTags(tags) }));
    },
    async logInputs(inputs) {
      if (inputs.length > 0) await tracked(client.runs.logInputs(runId, inputs.map(toMlflowInput)));
    },
    async logArtifact(path, content) {
      await tracked(client.artifacts.upload(info, path, content));
    },
    async logArtifactFile(path, file) {
      try {
        await client.artifacts.uploadFile(info, path, file);
      } catch (error) {
        if (error instanceof MlflowError) throw trackingError(error);
        throw new TrackingError(
          `${file}: cannot be logged as artifact ${path} (${(error as Error).message})`,
          {
            hint: "check that the file exists and can be read",
            cause: error,
          },
        );
      }
    },
    async logModel({ name, files, summary }) {
      const logged = await tracked(putLoggedModel(client, info, { name, files }));
      models ||= logged !== undefined;
      if (logged === undefined) await tracked(logModelArtifacts(client, info, { name, files, summary }));
    },
    flush: () => tracked(buffer.flush()),
    async finish(status, reason) {
      const endTime = Date.now();
      // The run's end is recorded even when its last metrics are lost; that loss is reported after it.
      const last = async () => {
        await run.flush();
        if (models && status === "FINISHED") await tracked(linkTestMetrics(client, runId));
      };
      const lost = await last().then(
        () => undefined,
        (error: unknown) => ({ error }),
      );
      if (reason) await tracked(client.runs.setTag(runId, TAGS.reason, shortened(reason, MAX_TAG_VALUE)));
      await tracked(client.runs.update(runId, { status, endTime }));
      if (lost) throw lost.error;
    },
  };
  return run;
}

import type { Run } from "../../mlflow-js-client/index.ts";

const pairs = (record: Readonly<Record<string, string>>) =>
  Object.entries(record).map(([key, value]) => ({ key, value }));

/** A run as MLflow's REST API writes it: what the form reads of it. */
export const toWire = ({ info, tags }: Run) => ({
  info: {
    run_id: info.runId,
    run_name: info.runName,
    experiment_id: info.experimentId,
    status: info.status,
    start_time: info.startTime,
  },
  data: { tags: pairs(tags) },
});

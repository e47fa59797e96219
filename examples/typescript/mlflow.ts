// A run on an MLflow server, logged and read back: MLFLOW_TRACKING_URI names the server.
import { clientFromEnv } from "dualtail/mlflow-js-client";

const client = clientFromEnv(process.env);
const { experimentId } = await client.experiments.ensure(process.argv[2] ?? "from TypeScript");
const { info } = await client.runs.create({ experimentId, runName: "first" });
await client.runs.logParameter(info.runId, "loss", "la");
for (const [step, value] of [0.9, 0.5, 0.3].entries()) {
  await client.runs.logMetric(info.runId, { key: "loss", value, step, timestamp: Date.now() });
}
await client.runs.update(info.runId, { status: "FINISHED", endTime: Date.now() });
const history = await client.metrics.getHistory(info.runId, "loss");
console.log(history.map(({ step, value }) => `${step}: ${value}`).join(", "));
console.log(client.runUrl(experimentId, info.runId));

/**
 * A process that asks for comparisons as fast as it can, by MLflow's REST API alone. Argument: JSON of a ClientTask. It
 * prints the run's id of each request that MLflow has taken, a line each.
 */
import { requestTags } from "./request.mts";

export interface ClientTask {
  readonly uri: string;
  readonly experimentId: string;
  readonly requests: number;
  readonly requesters: readonly string[];
  /** Names this client's requests. */
  readonly name: string;
}

const { uri, experimentId, requests, requesters, name } = JSON.parse(process.argv[2]!) as ClientTask;

async function post<T>(action: string, body: unknown): Promise<T> {
  const answer = await fetch(`${uri}/api/2.0/mlflow/runs/${action}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  if (!answer.ok) throw new Error(`${action}: ${answer.status} ${await answer.text()}`);
  return (await answer.json()) as T;
}

interface Created {
  readonly run: { readonly info: { readonly run_id: string } };
}

for (let number = 0; number < requests; number++) {
  const tags = requestTags({ name: `${name} ${number}` }, requesters[number % requesters.length]!);
  const made = await post<Created>("create", {
    experiment_id: experimentId,
    run_name: `${name} ${number}`,
    start_time: Date.now(),
    tags: [
      ...Object.entries(tags).map(([key, value]) => ({ key, value })),
      { key: "load.number", value: `${number}` },
    ],
  });
  const { run_id } = made.run.info;
  await post("update", { run_id, status: "SCHEDULED" });
  console.log(run_id);
}

import { getEventListeners } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it, onTestFinished } from "vitest";
import { createMlflowClient, type TransportOptions } from "./index.ts";

const RUN = { runId: "r", artifactUri: "mlflow-artifacts:/1/r/artifacts" };

/** A client of a server that answers so. */
async function clientOf(
  answer: (request: IncomingMessage, response: ServerResponse) => void,
  options: TransportOptions = {},
) {
  const seen = { requests: 0 };
  const server = createServer((request, response) => {
    seen.requests += 1;
    request.resume();
    request.on("end", () => answer(request, response));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const trackingUri = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { seen, client: createMlflowClient({ trackingUri, retryDelayMs: 5, ...options }) };
}

describe("the time of an artifact", () => {
  it("grows with what is sent", async () => {
    const { client } = await clientOf((_, response) => void setTimeout(() => response.end("{}"), 800), {
      artifactTimeoutMs: 300,
      retries: 0,
    });
    await expect(client.artifacts.upload(RUN, "small", "x")).rejects.toMatchObject({ errorCode: "TIMEOUT" });
    // 2 s at half a megabyte in one.
    await client.artifacts.upload(RUN, "large", new Uint8Array(1_000_000));
  });

  it("begins anew with each piece that is read, and is over where none comes", async () => {
    const { client } = await clientOf(
      async (request, response) => {
        for (let piece = 0; piece < 6; piece += 1) {
          response.write("piece");
          if (piece === 2 && request.url?.endsWith("cut")) return;
          await sleep(150);
        }
        response.end();
      },
      { artifactTimeoutMs: 500, retries: 0 },
    );
    expect((await client.artifacts.download(RUN, "slow")).length).toBe(30);
    const failure = { errorCode: "TIMEOUT", transient: true };
    await expect(client.artifacts.download(RUN, "cut")).rejects.toMatchObject(failure);
    await expect(client.artifacts.download(RUN, "slow", { timeoutMs: 50 })).rejects.toMatchObject(failure);
  });
});

// What MLflow 3 answers, word for word, under uvicorn and under gunicorn.
it.each([
  '{"detail":"Artifact serving is disabled. Run `mlflow server` with `--serve-artifacts` to enable."}',
  "Endpoint: /api/2.0/mlflow-artifacts/artifacts/<path:artifact_path> disabled due to the mlflow server running with `--no-serve-artifacts`. To enable artifacts server functionality, run `mlflow server` with `--serve-artifacts`",
])(
  "a server without artifacts is not waited for: it is as one that does not proxy them (%#)",
  async (text) => {
    const { client, seen } = await clientOf((_, response) => response.writeHead(503).end(text));
    const failure = { errorCode: "UNSUPPORTED_ARTIFACT_URI", transient: false };
    await expect(client.artifacts.upload(RUN, "a", "x")).rejects.toMatchObject(failure);
    await expect(client.artifacts.download(RUN, "a")).rejects.toMatchObject(failure);
    expect(seen.requests).toBe(2);
  },
);

describe("a client's signal", () => {
  it("ends what is under way, which is not tried again", async () => {
    const ended = new AbortController();
    const { client, seen } = await clientOf(() => {}, { signal: ended.signal });
    const asked = client.experiments.get("1");
    setTimeout(() => ended.abort(), 100);
    await expect(asked).rejects.toMatchObject({ name: "MlflowError", attempts: 1 });
    await expect(client.experiments.get("1")).rejects.toMatchObject({ name: "MlflowError" });
    expect(seen.requests).toBe(1);
  });

  it("keeps nothing of requests that have ended", async () => {
    const ended = new AbortController();
    const { client } = await clientOf(
      (request, response) =>
        request.url?.includes("refused") ? response.writeHead(404).end() : response.end("3"),
      { signal: ended.signal },
    );
    for (let i = 0; i < 20; i += 1) {
      await client.server.version();
      await client.artifacts.download(RUN, "refused").catch(() => undefined);
    }
    expect(getEventListeners(ended.signal, "abort")).toEqual([]);
  });
});

it("is not told twice of a model that a run has made, since a SQL store would refuse that", async () => {
  const { client, seen } = await clientOf((request) => request.socket.destroy());
  const told = client.loggedModels.logOutputs("r", [{ modelId: "m" }]);
  await expect(told).rejects.toMatchObject({ transient: true });
  expect(seen.requests).toBe(1);
});

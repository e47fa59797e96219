import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { inspect } from "node:util";
import { afterEach, describe, expect, it } from "vitest";
import { clientFromEnv, createMlflowClient, type MlflowClientOptions, MlflowError } from "./index.ts";

type Answer = (request: IncomingMessage, answer: ServerResponse, count: number) => void;

/** A server that can be made to fail, which a healthy MLflow cannot. */
async function faulty(answer: Answer) {
  const requests: { method: string; url: string; authorization: string | undefined; at: number }[] = [];
  const server = createServer((request, response) => {
    request.resume();
    request.on("end", () => {
      const { method = "", url = "", headers } = request;
      requests.push({ method, url, authorization: headers.authorization, at: Date.now() });
      answer(request, response, requests.length);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  closers.push(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return { requests, host, uri: `http://${host}` };
}

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

const quick = (options: MlflowClientOptions) =>
  createMlflowClient({ retryDelayMs: 5, maxRetryDelayMs: 1500, ...options });
const json = (answer: ServerResponse, value: unknown) => answer.end(JSON.stringify(value));
const experiment = { experiment: { experiment_id: "7", name: "e" } };
const run = { run: { info: { run_id: "r", experiment_id: "7" } } };

describe("retries", () => {
  it.each([500, 502, 503, 429])("tries again on %i until it works", async (status) => {
    const { uri, requests } = await faulty((_request, answer, count) => {
      if (count < 4) answer.writeHead(status).end();
      else json(answer, experiment);
    });
    expect((await quick({ trackingUri: uri }).experiments.get("7")).experimentId).toBe("7");
    expect(requests).toHaveLength(4);
  });

  it("tries again when the connection is cut and when no answer comes", async () => {
    const { uri, requests } = await faulty((request, answer, count) => {
      if (count === 1) request.socket.destroy();
      else if (count === 3) json(answer, experiment);
    });
    await quick({ trackingUri: uri, timeoutMs: 200 }).experiments.get("7");
    expect(requests).toHaveLength(3);
  });

  it.each([400, 401, 403, 404, 409])("does not try again on %i", async (status) => {
    const { uri, requests } = await faulty((_request, answer) => answer.writeHead(status).end());
    await expect(quick({ trackingUri: uri }).experiments.get("7")).rejects.toMatchObject({
      status,
      attempts: 1,
    });
    expect(requests).toHaveLength(1);
  });

  it("gives up after the retries allowed, and says how many it made", async () => {
    const { uri, requests } = await faulty((_request, answer) =>
      answer.writeHead(500).end("<html>oops</html>"),
    );
    const failure = quick({ trackingUri: uri, retries: 2 }).experiments.get("7");
    await expect(failure).rejects.toThrow(/HTTP_500.*Internal Server Error \(after 3 attempts\)$/);
    expect(requests).toHaveLength(3);
  });

  it("waits as long as Retry-After asks, but not longer than allowed", async () => {
    const { uri, requests } = await faulty((_request, answer, count) => {
      if (count === 1) answer.writeHead(429, { "retry-after": "1" }).end();
      else if (count === 2)
        answer.writeHead(503, { "retry-after": new Date(Date.now() + 3_600_000).toUTCString() }).end();
      else json(answer, experiment);
    });
    await quick({ trackingUri: uri }).experiments.get("7");
    expect(requests[1]!.at - requests[0]!.at).toBeGreaterThanOrEqual(990);
    expect(requests[2]!.at - requests[1]!.at).toBeGreaterThanOrEqual(1490);
    expect(requests[2]!.at - requests[1]!.at).toBeLessThan(4000);
  });

  it("does not create a run twice when an answer was lost", async () => {
    const { uri, requests } = await faulty((request, answer) => {
      if (request.url!.endsWith("/create")) request.socket.destroy();
      else json(answer, { runs: [run.run] });
    });
    const client = quick({ trackingUri: uri });
    const found = await client.runs.create({ experimentId: "7", tags: { id: "x" }, uniqueTag: "id" });
    expect(found.info.runId).toBe("r");
    expect(requests.map(({ url }) => url.split("/").at(-1))).toEqual(["create", "search"]);
    await expect(client.runs.create({ experimentId: "7" })).rejects.toMatchObject({
      errorCode: expect.any(String),
    });
    expect(requests).toHaveLength(3);
  });

  it("creates the run after all when the first request did not arrive", async () => {
    const { uri, requests } = await faulty((request, answer, count) => {
      if (count === 1) request.socket.destroy();
      else json(answer, request.url!.endsWith("/create") ? run : {});
    });
    await quick({ trackingUri: uri }).runs.create({ experimentId: "7", tags: { id: "x" }, uniqueTag: "id" });
    expect(requests.map(({ url }) => url.split("/").at(-1))).toEqual(["create", "search", "create"]);
  });

  it("names a server that is not there", async () => {
    const { uri } = await faulty((_request, answer) => answer.end());
    await closers.pop()!();
    const failure = quick({ trackingUri: uri, retries: 1 }).experiments.get("7");
    await expect(failure).rejects.toMatchObject({ errorCode: "ECONNREFUSED", status: 0, unreachable: true });
    await expect(failure).rejects.toThrow(`MLflow at ${uri} cannot be reached`);
  });
});

describe("credentials", () => {
  const authorizationOf = async (options: (uri: string, host: string) => MlflowClientOptions) => {
    const { uri, host, requests } = await faulty((_request, answer) => json(answer, experiment));
    await quick(options(uri, host)).experiments.get("7");
    return requests[0]!.authorization;
  };
  const basic = (text: string) => `Basic ${Buffer.from(text).toString("base64")}`;

  it("sends a token, user and password, or those of the URI", async () => {
    expect(await authorizationOf((trackingUri) => ({ trackingUri }))).toBeUndefined();
    expect(await authorizationOf((trackingUri) => ({ trackingUri, token: "tok" }))).toBe("Bearer tok");
    expect(await authorizationOf((trackingUri) => ({ trackingUri, username: "ü", password: "p:w" }))).toBe(
      basic("ü:p:w"),
    );
    expect(await authorizationOf((_uri, host) => ({ trackingUri: `http://ann:p%40ss@${host}` }))).toBe(
      basic("ann:p@ss"),
    );
  });

  it("reads the environment as MLflow's own client does", async () => {
    const { uri, requests } = await faulty((_request, answer) => json(answer, experiment));
    const env = { MLFLOW_TRACKING_URI: ` ${uri}/ `, MLFLOW_TRACKING_TOKEN: "tok" };
    await clientFromEnv(env).experiments.get("7");
    await clientFromEnv({
      ...env,
      MLFLOW_TRACKING_USERNAME: "u",
      MLFLOW_TRACKING_PASSWORD: "p",
    }).experiments.get("7");
    expect(requests.map(({ authorization }) => authorization)).toEqual(["Bearer tok", basic("u:p")]);
    expect(() => clientFromEnv({})).toThrow("MLFLOW_TRACKING_URI is not set");
    expect(() => clientFromEnv({ ...env, MLFLOW_TRACKING_INSECURE_TLS: "true" })).toThrow(
      /NODE_EXTRA_CA_CERTS/,
    );
    expect(() => clientFromEnv({ MLFLOW_TRACKING_URI: "sqlite:///x.db" })).toThrow(/must be http/);
  });

  it("never shows a secret, whatever goes wrong", async () => {
    // A server (or proxy) that puts what it was sent into its answers.
    const { host } = await faulty((request, answer) => {
      const sent = request.headers.authorization ?? "";
      const decoded = Buffer.from(sent.replace("Basic ", ""), "base64").toString("utf8");
      const echo = `no: ${sent} ${decoded.replace(":", " ")} for you`;
      answer.writeHead(400).end(JSON.stringify({ error_code: "BAD", message: echo }));
    });
    const password = "s3cret-pässword";
    const inUri = (at: string) => `http://ann:${encodeURIComponent(password)}@${at}`;
    const failing: (() => unknown)[] = [
      () => quick({ trackingUri: inUri(host) }).experiments.get("7"),
      () => quick({ trackingUri: `http://${host}`, token: "s3cret-token" }).experiments.get("7"),
      () => quick({ trackingUri: `http://${host}`, username: "ann", password }).experiments.get("7"),
      () => quick({ trackingUri: inUri("127.0.0.1:1"), retries: 0 }).experiments.get("7"),
      () => quick({ trackingUri: `${inUri("bad host")}`, retries: 0 }).experiments.get("7"),
      () => quick({ trackingUri: `ftp://ann:${password}@host` }).experiments.get("7"),
      () => quick({ trackingUri: `http://${host}`, token: "s3cret\ntoken" }).experiments.get("7"),
    ];
    for (const fail of failing) {
      const error = await Promise.resolve()
        .then(fail)
        .then(
          () => undefined,
          (thrown: unknown) => thrown,
        );
      expect(error).toBeInstanceOf(MlflowError);
      const shown = inspect(error, { depth: 10, showHidden: true });
      expect(shown).not.toMatch(/s3cret/);
      expect(shown).not.toContain(Buffer.from(`ann:${password}`).toString("base64"));
      expect((error as Error).message).not.toMatch(/\n/);
      if ((error as MlflowError).status === 400) expect(shown).toMatch(/no: .*\*\*\*.* for you/);
    }
  });
});

describe("answers that are not MLflow's", () => {
  it("says so for a web page, a redirect and an unknown endpoint", async () => {
    const page = await faulty((_request, answer) => answer.end("<html>"));
    await expect(quick({ trackingUri: page.uri }).server.health()).rejects.toThrow(
      /did not answer with JSON/,
    );
    const moved = await faulty((_request, answer) =>
      answer.writeHead(302, { location: "https://login" }).end(),
    );
    await expect(quick({ trackingUri: moved.uri }).server.health()).rejects.toThrow(/redirects/);
    const other = await faulty((_request, answer) => answer.writeHead(404).end("nope"));
    await expect(quick({ trackingUri: other.uri }).server.health()).rejects.toThrow(
      /is this an MLflow server/,
    );
  });
});

import { randomUUID } from "node:crypto";
import { request } from "node:http";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { mlflowClient, SERVER_START, uniqueName } from "../../../test/support/mlflow-server.ts";
import type { MlflowClient } from "../../mlflow-js-client/index.ts";
import { callsOf } from "./calls.ts";
import { type FormServer, startFormServer } from "./form-server.ts";

const PAGE = `<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:" />form`;

let client: MlflowClient;
let experimentId: string;
let otherId: string;
let server: FormServer;
beforeAll(async () => {
  client = await mlflowClient();
  experimentId = await client.experiments.create(uniqueName("form"));
  otherId = await client.experiments.create(uniqueName("form-other"));
  server = await startFormServer(
    [{ experimentId, page: async () => PAGE, calls: callsOf(client, experimentId) }],
    0,
  );
}, SERVER_START);
afterAll(() => server.close());

const at = (path: string) => server.url(experimentId).replace("/launch.html", path);
const post = async (action: string, body: unknown) => {
  const init = { method: "POST", body: typeof body === "string" ? body : JSON.stringify(body) };
  const answer = await fetch(at(`/ajax-api/2.0/mlflow/runs/${action}`), init);
  return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
};
const pairs = (tags: Readonly<Record<string, string>>) =>
  Object.entries(tags).map(([key, value]) => ({ key, value }));

/** Makes a request as the form does. */
async function submit() {
  const tags = {
    "dualtail.kind": "request",
    "dualtail.watch": "1",
    "dualtail.run_id": randomUUID().replaceAll("-", ""),
    "dualtail.request.0": "{}",
    "dualtail.state": "finished",
    "mlflow.parentRunId": "someone's",
  };
  const made = await post("create", { experiment_id: otherId, run_name: "asked", tags: pairs(tags) });
  expect(made.status).toBe(200);
  return (made.body.run as { info: { run_id: string } }).info.run_id;
}

describe("the form's server", () => {
  it("serves the page, at an address that nobody can guess", async () => {
    const answer = await fetch(server.url(experimentId));
    expect([answer.status, await answer.text()]).toEqual([200, PAGE]);
    expect(answer.headers.get("referrer-policy")).toBe("no-referrer");
    expect(answer.headers.get("content-security-policy")).toBe(
      "default-src 'none'; img-src data:; frame-ancestors 'none'",
    );
    const secret = /\/([0-9a-f]{32})\//.exec(server.url(experimentId))![1]!;
    for (const url of [
      server.url(experimentId).replace(secret, "0".repeat(32)),
      server.url(experimentId).replace(`/${secret}`, ""),
      server.url(otherId),
      at("/../../launch.html"),
      at("/ajax-api/2.0/mlflow/experiments/list"),
    ]) {
      expect((await fetch(url)).status, url).toBe(404);
    }
  });

  it("does not answer to another name for this machine, nor to another site's page", async () => {
    const statusOf = (url: string, headers: Readonly<Record<string, string>>) =>
      new Promise<number | undefined>((resolve, reject) => {
        const asked = request(url, { headers }, (answer) => {
          answer.resume();
          resolve(answer.statusCode);
        });
        asked.on("error", reject).end();
      });
    const page = server.url(experimentId);
    const { origin } = new URL(page);
    const call = at("/get-artifact?path=none&run_uuid=none");
    expect(await statusOf(page, { host: "evil.example:80" })).toBe(404);
    const own: Record<string, string>[] = [{}, { origin }, { origin, "sec-fetch-site": "same-origin" }];
    for (const headers of own) {
      expect(await statusOf(page, headers)).toBe(200);
      // That one artifact alone can be read is what it says.
      expect(await statusOf(call, headers)).toBe(403);
    }
    for (const theirs of ["null", "https://evil.example", origin.replace("http:", "https:"), `${origin}0`]) {
      expect(await statusOf(page, { origin: theirs }), theirs).toBe(404);
      expect(await statusOf(call, { origin: theirs }), theirs).toBe(404);
    }
    // A link may be followed from elsewhere; nothing else may be asked for.
    expect(await statusOf(page, { "sec-fetch-site": "cross-site" })).toBe(200);
    expect(await statusOf(call, { "sec-fetch-site": "cross-site" })).toBe(404);
    expect(await statusOf(call, { "sec-fetch-site": "same-site" })).toBe(404);
  });

  it("makes requests in its own experiment, with the tags of a request alone", async () => {
    const runId = await submit();
    expect((await post("update", { run_id: runId, status: "SCHEDULED" })).status).toBe(200);
    const { info, tags } = await client.runs.get(runId);
    expect([info.experimentId, info.status, info.runName]).toEqual([experimentId, "SCHEDULED", "asked"]);
    expect(tags).toMatchObject({ "dualtail.kind": "request", "dualtail.request.0": "{}" });
    expect(tags).not.toHaveProperty(["dualtail.state"]);
    expect(tags).not.toHaveProperty(["mlflow.parentRunId"]);
    expect(tags["mlflow.user"]).toBeTruthy();
    const found = await post("search", {
      experiment_ids: [otherId],
      filter: "tags.`dualtail.watch` = '1'",
      order_by: ["attributes.start_time DESC"],
    });
    const [first] = found.body.runs as { info: { run_id: string } }[];
    expect(first!.info.run_id).toBe(runId);
    const got = await fetch(at(`/ajax-api/2.0/mlflow/runs/get?run_id=${runId}`));
    expect(await got.json()).toMatchObject({ run: { info: { status: "SCHEDULED" } } });
    expect((await post("set-tag", { run_id: runId, key: "dualtail.action", value: "stop" })).status).toBe(
      200,
    );
    await client.artifacts.upload(info, "config.resolved.json", '{"seeds":[1]}');
    const kept = await fetch(at(`/get-artifact?path=config.resolved.json&run_uuid=${runId}`));
    expect(await kept.json()).toEqual({ seeds: [1] });
  });

  it("refuses everything else", async () => {
    const runId = await submit();
    const { info: theirs } = await client.runs.create({ experimentId: otherId, runName: "theirs" });
    const refusals: readonly (readonly [string, unknown, number])[] = [
      ["set-tag", { run_id: runId, key: "dualtail.request", value: "x" }, 403],
      ["set-tag", { run_id: theirs.runId, key: "dualtail.action", value: "stop" }, 403],
      ["update", { run_id: runId, status: "FINISHED" }, 403],
      ["update", { run_id: theirs.runId, status: "SCHEDULED" }, 403],
      ["create", { tags: [] }, 400],
      ["create", { run_name: "x", tags: [null] }, 400],
      ["search", "{", 400],
      ["search", "x".repeat(1_100_000), 400],
      ["update", { run_id: "no such run", status: "SCHEDULED" }, 404],
    ];
    for (const [action, body, status] of refusals) {
      const answer = await post(action, body);
      expect(answer.status, `${action} ${JSON.stringify(body).slice(0, 80)}`).toBe(status);
    }
    for (const path of [
      `/get-artifact?path=model/weights.bin&run_uuid=${runId}`,
      `/get-artifact?path=config.resolved.json&run_uuid=${theirs.runId}`,
      `/ajax-api/2.0/mlflow/runs/get?run_id=${theirs.runId}`,
    ]) {
      expect((await fetch(at(path))).status, path).toBe(403);
    }
    const none = await fetch(at(`/get-artifact?path=config.resolved.json&run_uuid=${runId}`));
    expect(none.status).toBe(404);
    expect(await none.json()).toMatchObject({ message: expect.stringContaining("config.resolved.json") });
  });

  it("says when its port is taken", async () => {
    const port = Number(new URL(server.url(experimentId)).port);
    await expect(startFormServer([], port)).rejects.toThrow(`port ${port} (EADDRINUSE)`);
  });
});

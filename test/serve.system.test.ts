import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { MlflowClient, Run } from "../core/mlflow-js-client/index.ts";
import { finish, main, startScript, toyPlugin as toy } from "./support/cli.ts";
import { mlflowClient, mlflowUri, SERVER_START, uniqueName } from "./support/mlflow-server.ts";
import { makeRequest } from "./support/request.ts";
import { makeTinyClip } from "./support/tiny-clip.ts";

let dir: string;
let client: MlflowClient;
let uri: string;
let experimentId: string;
let server: ReturnType<typeof serve>;

/** Starts `dualtail serve`. */
function serve() {
  const child = startScript(main, ["serve", "--config", "serve.yaml"], dir, { MLFLOW_TRACKING_URI: uri });
  return { child, ended: finish(child) };
}

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "dualtail-serve-"));
  await makeTinyClip(join(dir, "one"), { channels: 1, seed: 1 });
  uri = await mlflowUri();
  client = await mlflowClient();
  const experiment = uniqueName("serve");
  writeFileSync(
    join(dir, "serve.yaml"),
    `experiments: [${experiment}]
plugins: ["${toy}"]
datasets: { stripes: { use: toy, head: 12 } }
backbones: { small: { use: clip, folder: ./one } }
presets:
  quick: { dataset: stripes, backbones: [small], peft: none, losses: [ce], train: { epochs: 1, batchSize: 8 } }
limits: { epochs: 1000 }
interval: 0.3
threads: 1
output: runs
`,
  );
  experimentId = await client.experiments.create(experiment, {
    tags: { "mlflow.note.content": "Written by a person." },
  });
  server = serve();
}, SERVER_START);
afterAll(async () => {
  server.child.kill("SIGINT");
  const { code, stderr } = await server.ended;
  await rm(dir, { recursive: true, force: true });
  expect(code, stderr).toBe(0);
});

const CONFIG = {
  dataset: { use: "stripes" },
  backbones: [{ use: "small" }],
  peft: { use: "adaptformer", bottleneck: 2 },
  losses: ["ce"],
  train: { epochs: 1, batchSize: 8 },
};

const pieces = (text: string): Record<string, string> =>
  text.length <= 4500
    ? { "dualtail.request": text }
    : Object.fromEntries(
        Array.from({ length: Math.ceil(text.length / 4500) }, (_, i) => [
          `dualtail.request.${i}`,
          text.slice(4500 * i, 4500 * (i + 1)),
        ]),
      );

/** Makes a run that asks for a comparison, as the form does. */
const request = (config: unknown, text = JSON.stringify({ version: 1, config })): Promise<string> =>
  makeRequest(client, experimentId, pieces(text));

/** Waits until a run is as it should be. */
async function until(runId: string, what: string, holds: (run: Run) => boolean, ms = 120_000): Promise<Run> {
  const end = Date.now() + ms;
  for (;;) {
    const run = await client.runs.get(runId);
    if (holds(run)) return run;
    const { info, tags } = run;
    if (Date.now() > end || server.child.exitCode !== null) {
      expect.fail(`not ${what}: ${info.status}, ${tags["dualtail.state"]}, ${tags["dualtail.message"]}`);
    }
    await sleep(50);
  }
}
const state = (run: Run) => run.tags["dualtail.state"];
const nestedOf = async (runId: string) =>
  (
    await client.runs.search({
      experimentIds: [experimentId],
      filter: `tags.\`mlflow.parentRunId\` = '${runId}'`,
    })
  ).items;
const launchpad = async () => {
  const filter = "tags.`dualtail.kind` = 'launchpad'";
  for (;;) {
    const { items } = await client.runs.search({ experimentIds: [experimentId], filter });
    if (items[0]?.tags["mlflow.note.content"]) return items[0];
    await sleep(50);
  }
};

describe("dualtail serve", () => {
  it("makes the requesting run the parent of the comparison", async () => {
    const runId = await request(CONFIG);
    const run = await until(runId, "finished", (one) => state(one) === "finished");
    expect(run.info.status).toBe("FINISHED");
    expect(run.info.runName).toBe("asked");
    expect(run.tags).toMatchObject({ "dualtail.kind": "comparison", "mlflow.user": "someone" });
    expect(run.params).toMatchObject({ dataset: "toy", "train.epochs": "1" });
    const nested = await nestedOf(runId);
    expect(nested.map(({ info }) => info.runName).sort()).toEqual([
      "ce · small · seed 0",
      "zero-shot · small",
    ]);
    const files = (await client.artifacts.list(runId)).map(({ path }) => path);
    expect(files).toEqual(expect.arrayContaining(["comparison.md", "config.yaml"]));
  });

  it("keeps one launchpad, linked in the experiment's description", async () => {
    const { info } = await launchpad();
    const { tags } = await client.experiments.get(experimentId);
    expect(tags["mlflow.note.content"]).toMatch(/^Written by a person\./);
    expect(tags["mlflow.note.content"]).toContain(`/runs/${info.runId}/artifacts/launch.html`);
    const offers = Buffer.from(await client.artifacts.download(info, "offers.json")).toString();
    expect(JSON.parse(offers)).toMatchObject({ datasets: ["stripes"], backbones: ["small"] });
    expect(offers).not.toContain(dir);
  });

  it("refuses what is not valid or not offered, and says why", async () => {
    const cases: readonly (readonly [unknown, RegExp, string?])[] = [
      [{ ...CONFIG, losses: [{ use: "la", tua: 2 }] }, /\/losses\/0\/tua: unknown property "tua" — .*tau/],
      [{ ...CONFIG, dataset: "icons-lt" }, /\/dataset: this server offers no dataset "icons-lt" — .*stripes/],
      [{ ...CONFIG, backbones: [{ use: "small", folder: "/etc" }] }, /\/backbones\/0\/folder: .*path/],
      [{ ...CONFIG, backbones: ["https://example.org/clip"] }, /\/backbones\/0: .*address/],
      [{ ...CONFIG, plugins: ["left-pad"] }, /\/plugins: "plugins" is not for a request/],
      [
        { ...CONFIG, train: { epochs: 5000 } },
        /\/train\/epochs: 5000 epochs: this server takes at most 1000/,
      ],
      [undefined, /not JSON/, "{ epochs: 1 }"],
    ];
    const runs = await Promise.all(cases.map(([config, , text]) => request(config, text)));
    for (const [index, [, reason]] of cases.entries()) {
      const run = await until(runs[index]!, "refused", ({ info }) => info.status === "FAILED");
      expect(state(run)).toBe("refused");
      expect(run.tags["dualtail.message"]).toMatch(reason);
    }
  });

  it("launches a preset that the launchpad's tag names", async () => {
    const { info } = await launchpad();
    await client.runs.setTag(info.runId, "dualtail.launch", "quikc");
    await until(info.runId, "answered", ({ tags }) =>
      /not launched: .*"quick"/.test(tags["dualtail.message"] ?? ""),
    );
    await client.runs.setTag(info.runId, "dualtail.launch", "quick");
    const told = await until(info.runId, "launched", ({ tags }) =>
      /^launched/.test(tags["dualtail.message"] ?? ""),
    );
    expect(told.tags).not.toHaveProperty(["dualtail.launch"]);
    const made = told.tags["dualtail.message"]!.split("/").at(-1)!;
    const run = await until(made, "finished", (one) => state(one) === "finished");
    expect(run.info.status).toBe("FINISHED");
  });

  const LONG = { ...CONFIG, train: { epochs: 300, batchSize: 8 } };
  // 12 + 6 + 3 + 2 + 1 + 1 images: four batches an epoch.
  const STEPS = 300 * 4;
  /** Waits until a comparison has trained on from where it was. */
  const trains = async (runId: string, after = 5) => {
    await until(runId, "running", (run) => state(run) === "running");
    for (;;) {
      const steps = (await nestedOf(runId)).flatMap(({ metrics }) => metrics);
      const last = Math.max(-1, ...steps.filter(({ key }) => key === "train/loss").map(({ step }) => step));
      if (last > after) return last;
      await sleep(50);
    }
  };

  it("stops within 10 s and resumes in the same run, also after Ctrl-C and a kill of the server", async () => {
    const runId = await request(LONG);
    const before = await trains(runId);
    const [cell] = (await nestedOf(runId)).filter(({ info }) => info.runName.startsWith("ce"));
    // On a nested run it is its comparison that is meant.
    await client.runs.setTag(cell!.info.runId, "dualtail.action", "stop");
    const killed = await until(runId, "killed", (run) => state(run) === "killed", 10_000);
    expect(killed.info.status).toBe("KILLED");
    expect(killed.tags["dualtail.message"]).toMatch(/stopped at step \d+ of/);
    expect((await client.runs.get(cell!.info.runId)).tags).not.toHaveProperty(["dualtail.action"]);

    await client.runs.setTag(runId, "dualtail.action", "resume");
    await until(
      runId,
      "resumed",
      ({ info, tags }) => info.status === "RUNNING" && tags["dualtail.state"] === "running",
    );
    await trains(runId, before + 5);
    server.child.kill("SIGINT");
    const { code, stderr } = await server.ended;
    expect(code, stderr).toBe(0);
    const left = await client.runs.get(runId);
    expect([left.info.status, state(left)]).toEqual(["KILLED", "queued"]);

    server = serve();
    await until(runId, "running again", (one) => one.info.status === "RUNNING");
    server.child.kill("SIGKILL");
    await once(server.child, "close");
    server = serve();
    const run = await until(runId, "finished", (one) => state(one) === "finished");
    expect(run.info.status).toBe("FINISHED");
    // The zero-shot row was taken from the first comparison.
    expect((await nestedOf(runId)).length).toBe(1);
    const history = await client.metrics.getHistory(cell!.info.runId, "train/loss");
    // What came after the last checkpoint when the server was killed is computed twice, to the same values.
    const losses = new Map(history.map(({ step, value }) => [step, value]));
    expect([...losses.keys()].sort((a, b) => a - b)).toEqual([...Array(STEPS).keys()]);
    expect(history.every(({ step, value }) => losses.get(step) === value)).toBe(true);
  });

  it("holds a stop that came right before its end, and takes anew what its file has lost", async () => {
    const long = await request({ ...LONG, seeds: [1] });
    await trains(long);
    const lost = await request(CONFIG);
    await until(lost, "queued", (run) => state(run) === "queued");
    server.child.kill("SIGKILL");
    await once(server.child, "close");
    // As a server leaves it that ends between the note of a stop and the stop.
    const file = join(dir, ".dualtail", "serve", "queue.json");
    const left = JSON.parse(readFileSync(file, "utf8")) as { entries: { readonly runId: string }[] };
    expect(left.entries.map(({ runId }) => runId)).toEqual([long, lost]);
    left.entries = left.entries.slice(0, 1).map((entry) => ({ ...entry, stopping: true }));
    writeFileSync(file, JSON.stringify(left));
    server = serve();
    const stopped = await until(long, "killed", (run) => state(run) === "killed");
    expect(stopped.info.status).toBe("KILLED");
    for (const { info } of await nestedOf(long))
      await until(info.runId, "ended", (run) => run.info.status !== "RUNNING");
    const { info } = await until(lost, "finished", (run) => state(run) === "finished");
    expect(info.status).toBe("FINISHED");
  });

  it("answers an action that makes no sense, and runs a long request again", async () => {
    // Longer than one tag.
    const prompt = Array.from({ length: 60 }, (_, i) => `${i}: ${"a photo – ".repeat(8)}of a {}.`);
    const runId = await request({ ...CONFIG, prompt });
    await until(runId, "finished", (one) => state(one) === "finished");
    for (const [action, reply] of [
      ["stop", /neither waits nor runs/],
      ["resume", /it has finished/],
      ["explode", /no action "explode"/],
    ] as const) {
      await client.runs.setTag(runId, "dualtail.action", action);
      await until(runId, action, ({ tags }) => reply.test(tags["dualtail.message"] ?? ""));
    }
    await client.runs.setTag(runId, "dualtail.action", "rerun");
    const { tags } = await until(runId, "rerun", (run) =>
      /anew as run/.test(run.tags["dualtail.message"] ?? ""),
    );
    const again = await until(
      tags["dualtail.message"]!.split(" ").at(-1)!,
      "finished",
      (one) => state(one) === "finished",
    );
    // A rerun reuses nothing.
    expect((await nestedOf(again.info.runId)).length).toBe(2);
  });
});

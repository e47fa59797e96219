import type { ChildProcessWithoutNullStreams } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Queue, QueueEvents } from "bullmq";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { MlflowClient, Run } from "../core/mlflow-js-client/index.ts";
import { cellJobId, queueName } from "../core/serve/redis/cell-job.ts";
import { dualtail, type Finished, finish, main, startScript, toyPlugin as toy } from "./support/cli.ts";
import { mlflowClient, mlflowUri, SERVER_START, uniqueName } from "./support/mlflow-server.ts";
import { type RedisServer, redisServerPath, startRedis } from "./support/redis-server.ts";
import { makeRequest } from "./support/request.ts";
import { makeTinyClip } from "./support/tiny-clip.ts";

/** ms; a quiet machine needs a tenth. */
const PATIENCE = 100_000;

/** What takes long runs when asked for: DUALTAIL_TEST_WORKERS=1. */
const FULL = process.env.DUALTAIL_TEST_WORKERS === "1";

let dir: string;
let client: MlflowClient;
let uri: string;
let redis: RedisServer;
let experimentId: string;
let server: ReturnType<typeof start>;
const processes: {
  readonly child: ChildProcessWithoutNullStreams;
  readonly said: () => string;
  readonly ended: Promise<Finished>;
}[] = [];

/** Starts a process of dualtail in a folder of its own, with paths of its own. */
function start(command: "serve" | "worker", folder: string, args: readonly string[] = []) {
  const cwd = join(dir, folder);
  const env = { MLFLOW_TRACKING_URI: uri, DUALTAIL_QUEUE: redis.url, DUALTAIL_CACHE: join(dir, "cache") };
  const child = startScript(main, [command, "--config", "serve.yaml", ...args], cwd, env);
  let said = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk: Buffer) => {
      said += chunk.toString();
    });
  }
  const own = { child, said: () => said, ended: finish(child) };
  processes.push(own);
  return own;
}
/** A dead worker's cell is given to another after 6 s. */
const worker = (folder: string) => start("worker", folder, ["--lock", "6", "--checkpoint-every", "1"]);

beforeAll(async () => {
  if (!redisServerPath) return;
  dir = await mkdtemp(join(tmpdir(), "dualtail-workers-"));
  redis = await startRedis();
  uri = await mlflowUri();
  client = await mlflowClient();
  const experiment = uniqueName("workers");
  experimentId = await client.experiments.create(experiment);
  for (const folder of ["server", "a", "b"]) {
    mkdirSync(join(dir, folder));
    // Machines keep their models where they like.
    await makeTinyClip(join(dir, folder, `clip-of-${folder}`), { channels: 1, seed: 1 });
    writeFileSync(
      join(dir, folder, "serve.yaml"),
      `experiments: [${experiment}]
plugins: ["${toy}"]
datasets: { stripes: { use: toy, head: 12 } }
backbones: { small: { use: clip, folder: ./clip-of-${folder} } }
limits: { epochs: 1000 }
interval: 0.3
threads: 1
output: runs
`,
    );
  }
}, SERVER_START);
afterAll(async () => {
  if (!redisServerPath) return;
  for (const { child } of processes) {
    child.kill("SIGCONT");
    child.kill("SIGKILL");
  }
  await redis.stop();
  await rm(dir, { recursive: true, force: true });
});

const CONFIG = {
  dataset: "stripes",
  backbones: ["small"],
  peft: { use: "adaptformer", bottleneck: 2 },
  losses: ["ce", "la", "ldam", "gla"],
  train: { epochs: 20, batchSize: 8 },
};
// 12 + 6 + 3 + 2 + 1 + 1 images: four batches an epoch.
const STEPS = 20 * 4;
const TRAINED = ["ce", "la", "ldam"].map((loss) => `${loss} · small · seed 0`);

const request = (config: unknown, more: object = {}): Promise<string> =>
  makeRequest(client, experimentId, { "dualtail.request": JSON.stringify({ version: 1, config, ...more }) });

async function until(runId: string, what: string, holds: (run: Run) => boolean): Promise<Run> {
  const end = Date.now() + PATIENCE;
  for (;;) {
    const run = await client.runs.get(runId);
    if (holds(run)) return run;
    if (Date.now() > end) {
      const said = processes.map((own) => own.said()).join("\n---\n");
      expect.fail(`not ${what}: ${run.info.status}, ${JSON.stringify(run.tags)}\n${said}`);
    }
    await sleep(200);
  }
}
const state = (run: Run) => run.tags["dualtail.state"];
const ends = (runId: string) =>
  until(runId, "at an end", (run) => /finished|failed|killed|refused/.test(state(run) ?? ""));
const nestedOf = async (runId: string) => {
  const filter = `tags.\`mlflow.parentRunId\` = '${runId}'`;
  return (await client.runs.search({ experimentIds: [experimentId], filter })).items;
};

interface Undisturbed {
  /** The table's rows, as JSON. */
  readonly table: unknown;
  /** Parameters of each trained cell after training, by its label. */
  readonly adapters: Readonly<Record<string, string>>;
}
let undisturbed: Promise<Undisturbed> | undefined;

const digest = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

/** The same comparison in one process. */
async function runHere(): Promise<Undisturbed> {
  const experiment = uniqueName("one-process");
  const config = {
    ...CONFIG,
    experiment,
    name: "here",
    plugins: [toy],
    dataset: { use: "toy", head: 12 },
    backbones: [{ use: "clip", folder: "./clip-of-server", label: "small" }],
    threads: 1,
    output: "here",
  };
  writeFileSync(join(dir, "server", "compare.yaml"), JSON.stringify(config));
  const args = ["compare", "compare.yaml"];
  const { code, stderr } = await dualtail(args, join(dir, "server"), { MLFLOW_TRACKING_URI: uri });
  expect(code, stderr).toBe(0);
  const found = (await client.experiments.getByName(experiment))!;
  const { items } = await client.runs.search({ experimentIds: [found.experimentId] });
  const parent = items.find(({ tags }) => tags["dualtail.kind"] === "comparison")!;
  return { table: await tableOf(parent), adapters: await adaptersOf(items) };
}

async function tableOf({ info }: Run): Promise<unknown> {
  const text = Buffer.from(await client.artifacts.download(info, "comparison.json")).toString();
  const { rows } = JSON.parse(text) as { readonly rows: unknown };
  return rows;
}

async function adaptersOf(runs: readonly Run[]): Promise<Record<string, string>> {
  const entries = runs
    .filter(({ info }) => TRAINED.includes(info.runName))
    .map(async ({ info }) => {
      const bytes = await client.artifacts.download(info, "checkpoint/adapters.safetensors");
      return [info.runName, digest(bytes)] as const;
    });
  return Object.fromEntries(await Promise.all(entries));
}

/** What a comparison whose cells workers trained must look like, whatever happened to them. */
async function expectUndisturbed(runId: string): Promise<void> {
  const run = await ends(runId);
  const said = processes.map((own) => own.said()).join("\n---\n");
  expect(run.tags["dualtail.message"], said).toBe("finished: 5 rows");
  undisturbed ??= runHere();
  const { table, adapters } = await undisturbed;
  expect(await tableOf(run)).toEqual(table);
  const trained = (await nestedOf(runId)).filter(({ info }) => TRAINED.includes(info.runName));
  // One run per cell.
  expect(trained.map(({ info }) => [info.runName, info.status]).sort()).toEqual(
    [...TRAINED].sort().map((name) => [name, "FINISHED"]),
  );
  expect(await adaptersOf(trained)).toEqual(adapters);
  for (const { info } of trained) {
    for (const [key, count] of [
      ["train/loss", STEPS],
      ["validation/overall", CONFIG.train.epochs],
      ["test/overall", 1],
    ] as const) {
      const steps = (await client.metrics.getHistory(info.runId, key)).map(({ step }) => step);
      expect([key, steps.length, new Set(steps).size]).toEqual([key, count, count]);
    }
  }
}

/** A run of a comparison's cell that is being trained, by the worker of that folder where one is named. */
async function training(runId: string, own?: ReturnType<typeof start>): Promise<Run> {
  const end = Date.now() + PATIENCE;
  for (;;) {
    const runs = (await nestedOf(runId)).filter(({ tags, info, metrics }) => {
      const step = metrics.find(({ key }) => key === "train/loss")?.step ?? 0;
      const at = tags["dualtail.worker"]?.split("/")[1];
      return info.status === "RUNNING" && step > 8 && (own === undefined || at === String(own.child.pid));
    });
    if (runs[0]) return runs[0];
    if (Date.now() > end) expect.fail(processes.map(({ said }) => said()).join("\n---\n"));
    await sleep(100);
  }
}

const AGAIN = { rerun: true };

describe.skipIf(!redisServerPath)(
  `workers${redisServerPath ? "" : " (no redis-server here: install it, or name it in DUALTAIL_REDIS_SERVER)"}`,
  { timeout: 4 * PATIENCE },
  () => {
    it("train a comparison between them; one that is killed is replaced by another", async () => {
      server = start("serve", "server");
      const doomed = worker("a");
      const other = worker("b");
      const runId = await request(CONFIG);
      const cell = await training(runId, doomed);
      doomed.child.kill("SIGKILL");
      await expectUndisturbed(runId);
      const after = await client.runs.get(cell.info.runId);
      expect(after.tags["dualtail.worker"]).not.toBe(cell.tags["dualtail.worker"]);
      expect(other.said()).toMatch(
        new RegExp(`${cell.info.runName}: goes on from the checkpoint step-0*[1-9]`),
      );
    });

    it.skipIf(!FULL)(
      "go on after a stop, a restart of the server, and a Redis that lost everything",
      async () => {
        worker("a");
        const runId = await request(CONFIG, AGAIN);
        await training(runId);
        await client.runs.setTag(runId, "dualtail.action", "stop");
        const stopped = await ends(runId);
        expect([state(stopped), stopped.info.status]).toEqual(["killed", "KILLED"]);
        const statuses = (await nestedOf(runId)).map(({ info }) => info.status);
        expect(statuses).not.toContain("RUNNING");
        await client.runs.setTag(runId, "dualtail.action", "resume");
        await training(runId);
        server.child.kill("SIGINT");
        const { code, stderr } = await server.ended;
        expect(code, stderr).toBe(0);
        // Workers do not need it.
        expect((await training(runId)).info.status).toBe("RUNNING");
        server = start("serve", "server");
        await redis.kill();
        await redis.restart();
        await expectUndisturbed(runId);
      },
    );

    it.skipIf(!FULL)(
      "stop writing what was given to another worker, and give back what they cannot end",
      async () => {
        const runId = await request(CONFIG, AGAIN);
        const cell = await training(runId);
        const pid = cell.tags["dualtail.worker"]!.split("/")[1];
        const asleep = processes.find(({ child }) => String(child.pid) === pid)!;
        asleep.child.kill("SIGSTOP");
        await until(
          cell.info.runId,
          "taken over",
          ({ tags }) => !tags["dualtail.worker"]!.includes(`/${pid}/`),
        );
        asleep.child.kill("SIGCONT");
        await said(asleep, /another worker has taken the cell over/);
        const next = await training(runId);
        const at = next.tags["dualtail.worker"]!.split("/")[1];
        const quits = processes.find(({ child }) => String(child.pid) === at)!;
        quits.child.kill("SIGINT");
        const { code, stderr } = await quits.ended;
        expect([code, stderr]).toEqual([0, expect.stringMatching(/given back/)]);
        await expectUndisturbed(runId);
      },
    );

    it("refuse jobs that name what their file does not offer", async () => {
      const found = await client.experiments.get(experimentId);
      const queue = new Queue(queueName([found]), { prefix: "dualtail", connection: { ...address() } });
      const [run] = (
        await client.runs.search({
          experimentIds: [experimentId],
          filter: "tags.`dualtail.state` = 'finished'",
        })
      ).items;
      const job = {
        version: 1,
        comparison: run!.tags["dualtail.run_id"]!,
        parent: run!.info.runId,
        experiment: found.name,
        experimentId,
        request: { version: 1, config: CONFIG },
        cell: "0123456789ab",
        index: 0,
        label: TRAINED[0],
        fingerprint: "0".repeat(32),
      };
      const cases: readonly (readonly [object, RegExp, string?])[] = [
        [{ request: { version: 1, config: { ...CONFIG, dataset: "../../etc" } } }, /looks like a path/],
        [
          { request: { version: 1, config: { ...CONFIG, plugins: ["left-pad"] } } },
          /"plugins" is not for a request/,
        ],
        [{ request: { version: 1, config: { ...CONFIG, losses: ["nothing"] } } }, /nothing/],
        [{ cell: "../../../../ab" }, /the job: \/cell/],
        [{ parent: "../experiments" }, /the job: \/parent/],
        [{ experiment: "another" }, /does not name the job's experiment/],
        [{ comparison: "f".repeat(32) }, /is not that run/],
        [{ folder: "/etc" }, /folder/],
        [{}, /another cell's id/, "cell-of-mine"],
        [{ label: "la · small · seed 0" }, /is not "la/],
        [{}, /not the server's/],
      ];
      const events = new QueueEvents(queue.name, { prefix: "dualtail", connection: { ...address() } });
      try {
        for (const [change, reason, jobId] of cases) {
          const data = { ...job, ...change };
          await queue.remove(cellJobId(data.comparison, data.cell));
          const added = await queue.add("cell", data, {
            jobId: jobId ?? cellJobId(data.comparison, data.cell),
          });
          await expect(added.waitUntilFinished(events, PATIENCE)).rejects.toThrow(reason);
        }
      } finally {
        await events.close();
        await queue.close();
      }
    });

    it("say when Redis does not let them in, without the password", async () => {
      const wrong = new URL(redis.url);
      wrong.password = "not-the-secret";
      const args = ["worker", "--config", "serve.yaml", "--queue", wrong.href];
      const { code, stdout, stderr } = await dualtail(args, join(dir, "a"), { MLFLOW_TRACKING_URI: uri });
      expect([code, stderr]).toEqual([1, expect.stringMatching(/redis:\/\/127\.0\.0\.1:\d+: WRONGPASS/)]);
      expect(stdout + stderr).not.toContain("secret");
      const everything = processes.map((own) => own.said()).join("");
      for (const form of [redis.password, encodeURIComponent(redis.password)]) {
        expect(everything).not.toContain(form);
      }
    });
  },
);

const address = () => ({
  host: "127.0.0.1",
  port: Number(new URL(redis.url).port),
  password: redis.password,
});

async function said(own: ReturnType<typeof start>, what: RegExp): Promise<void> {
  const end = Date.now() + PATIENCE;
  while (!what.test(own.said())) {
    if (Date.now() > end) expect.fail(`it did not say ${what}: ${own.said()}`);
    await sleep(200);
  }
}

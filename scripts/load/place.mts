import type { ChildProcessWithoutNullStreams } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { createMlflowClient, type MlflowClient, type Run } from "../../core/mlflow-js-client/index.ts";
import type { QueueEntry } from "../../core/serve/queue.ts";
import { main, startScript, toyPlugin } from "../../test/support/cli.ts";
import { startFaultyProxy } from "../../test/support/faulty-proxy.ts";
import { makeTinyClip } from "../../test/support/tiny-clip.ts";

/** What every case is given. */
export interface CaseContext {
  readonly mlflowUri: string;
  readonly line: (text: string) => void;
}

/** What one request of the server to MLflow was. */
export interface Sent {
  /** ms */
  readonly time: number;
  readonly path: string;
  readonly body: string;
}

/** A `dualtail serve` in a process and a folder of its own, which reaches MLflow through a proxy that writes down. */
export interface Place {
  readonly folder: string;
  /** Past the proxy. */
  readonly client: MlflowClient;
  readonly experimentId: string;
  readonly sent: readonly Sent[];
  /** Starts the server; one at a time. */
  start(env?: NodeJS.ProcessEnv): Promise<void>;
  /** kill -9. */
  kill(): Promise<void>;
  /** Ctrl-C. @returns the exit code */
  end(): Promise<number | null>;
  alive(): boolean;
  /** What the server printed so far. */
  printed(): string;
  /** Memory of the server now, bytes. */
  rss(): Promise<number>;
  queued(): Promise<readonly QueueEntry[]>;
  /** Of the queue's file, bytes. */
  queueSize(): Promise<number>;
}

let places = 0;

/** @param own what the server's file says besides */
export async function inPlace<T>(
  { mlflowUri }: CaseContext,
  own: Readonly<Record<string, unknown>>,
  work: (place: Place) => Promise<T>,
): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), "dualtail-load-"));
  const proxy = await startFaultyProxy(mlflowUri);
  const sent: Sent[] = [];
  proxy.fault = ({ path, body }) => {
    sent.push({ time: performance.now(), path, body });
    return "pass";
  };
  const client = createMlflowClient({ trackingUri: mlflowUri });
  const experiment = `load ${process.pid} ${places++}`;
  const experimentId = await client.experiments.create(experiment);
  await makeTinyClip(join(folder, "one"), { channels: 1, seed: 1 });
  const config = {
    experiments: [experiment],
    plugins: [toyPlugin],
    datasets: { stripes: { use: "toy", head: 12 }, many: { use: "toy", head: 1000 } },
    backbones: { small: { use: "clip", folder: "./one" } },
    threads: 1,
    output: "runs",
    ...own,
  };
  await writeFile(join(folder, "serve.yaml"), JSON.stringify(config));
  const file = join(folder, ".dualtail", "serve", "queue.json");
  let child: ChildProcessWithoutNullStreams | undefined;
  let printed = "";
  const ended = async (signal: "SIGINT" | "SIGKILL") => {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null)
      return child?.exitCode ?? null;
    const closed = once(child, "close");
    child.kill(signal);
    const [code] = (await closed) as [number | null];
    return code;
  };
  try {
    return await work({
      folder,
      client,
      experimentId,
      sent,
      async start(env = {}) {
        const begun = printed.length;
        child = startScript(main, ["serve", "--config", "serve.yaml"], folder, {
          MLFLOW_TRACKING_URI: proxy.uri,
          ...env,
        });
        const keep = (chunk: Buffer) => {
          printed += chunk.toString();
        };
        child.stdout.on("data", keep);
        child.stderr.on("data", keep);
        while (!printed.slice(begun).includes("watching")) {
          if (child.exitCode !== null) throw new Error(`the server ended: ${printed}`);
          await sleep(50);
        }
      },
      kill: async () => void (await ended("SIGKILL")),
      end: () => ended("SIGINT"),
      alive: () => child !== undefined && child.exitCode === null && child.signalCode === null,
      printed: () => printed,
      async rss() {
        const status = await readFile(`/proc/${child?.pid}/status`, "utf8");
        return 1024 * Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]);
      },
      async queued() {
        const text = await readFile(file, "utf8").catch(() => `{"entries":[]}`);
        return (JSON.parse(text) as { readonly entries: readonly QueueEntry[] }).entries;
      },
      queueSize: async () => (await stat(file)).size,
    });
  } finally {
    await ended("SIGKILL");
    await proxy.close();
    await rm(folder, { recursive: true, force: true, maxRetries: 3 });
  }
}

export const stateOf = (run: Run) => run.tags["dualtail.state"];

/** Waits until a run is as it should be. @returns the run, and the seconds that took; undefined when it never is */
export async function until(
  { client }: Pick<Place, "client">,
  runId: string,
  holds: (run: Run) => boolean,
  ms = 120_000,
): Promise<{ readonly run: Run; readonly seconds: number } | undefined> {
  const begun = performance.now();
  while (performance.now() - begun < ms) {
    const run = await client.runs.get(runId);
    if (holds(run)) return { run, seconds: (performance.now() - begun) / 1000 };
    await sleep(100);
  }
  return undefined;
}

/** All runs that asked for something, and what became of them. */
export async function requestRuns({ client, experimentId }: Place): Promise<readonly Run[]> {
  const all: Run[] = [];
  let pageToken: string | undefined;
  do {
    const page = await client.runs.search({
      experimentIds: [experimentId],
      filter: "tags.`load.number` LIKE '%'",
      maxResults: 500,
      pageToken,
    });
    all.push(...page.items);
    pageToken = page.nextPageToken;
  } while (pageToken !== undefined);
  return all;
}

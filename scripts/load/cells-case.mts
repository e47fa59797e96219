import { setTimeout as sleep } from "node:timers/promises";
import { Worker } from "bullmq";
import { planSize } from "../../core/launch-page/plan-size.ts";
import type { LaunchOffers } from "../../core/launch-page/types.ts";
import { parseRedisAddress } from "../../core/serve/redis/address.ts";
import { type CellJob, PREFIX } from "../../core/serve/redis/cell-job.ts";
import { openCellQueue } from "../../core/serve/redis/cell-queue.ts";
import { PATIENT } from "../../core/serve/redis/connect.ts";
import { redisServerPath, startRedis } from "../../test/support/redis-server.ts";
import { type Outcome, seconds, sizeOf } from "./outcome.mts";
import { type CaseContext, inPlace, stateOf, until } from "./place.mts";
import { requestTags } from "./request.mts";

const SEEDS = 40;
const LOSSES = 25;
const CELLS = SEEDS * LOSSES;

/** One request for a thousand trainings, and a thousand cells in Redis. */
export const cells = (context: CaseContext): Promise<Outcome> =>
  inPlace(context, { limits: { trainings: 10 * CELLS, epochs: 1_000_000 } }, async (place) => {
    const { client, experimentId } = place;
    await place.start();
    const problems: string[] = [];
    const seeds = Array.from({ length: SEEDS }, (_, i) => i);
    const losses = Array.from({ length: LOSSES }, (_, i) => ({ use: "la", tau: (i + 1) / 10 }));
    const tags = requestTags({ name: "a thousand", seeds, losses }, "someone");
    const { info } = await client.runs.create({ experimentId, runName: "a thousand", tags });
    await client.runs.update(info.runId, { status: "SCHEDULED" });
    const answered = await until(place, info.runId, (run) => stateOf(run) !== undefined);
    const running = await until(place, info.runId, (run) => stateOf(run) === "running");
    const said = place.sent.flatMap(({ body }) => /queued: [^"]*/.exec(body)?.[0] ?? [])[0] ?? "nothing";
    if (!said.startsWith(`queued: ${CELLS} rows, `)) problems.push(`it was told: ${said}`);
    if (!running) problems.push("it did not begin");
    const size = await place.queueSize();
    // Into its first training.
    await sleep(3000);
    const memory = await place.rss();
    await client.runs.setTag(info.runId, "dualtail.action", "stop");
    const taken = await until(place, info.runId, ({ tags: own }) => own["dualtail.action"] === undefined);
    const killed = await until(place, info.runId, (run) => stateOf(run) === "killed");
    const stopped = (taken?.seconds ?? Number.NaN) + (killed?.seconds ?? Number.NaN);
    if (!(stopped <= 10)) problems.push(`stop took ${seconds(stopped)}`);
    const offers = await offersOf(place);
    const before = performance.now();
    const { request } = JSON.parse(`{"request":${tags["dualtail.request"]}}`) as {
      readonly request: { readonly config: Record<string, unknown> };
    };
    const form = planSize(request.config, offers);
    const formMs = performance.now() - before;
    if (form.trainings !== CELLS) problems.push(`the form counts ${form.trainings} trainings`);
    const code = await place.end();
    if (code !== 0) problems.push(`exit code ${code}`);
    const redis = redisServerPath === undefined ? undefined : await throughRedis();
    if (redis) problems.push(...redis.problems);
    return {
      name: "cells",
      title: `One request for ${CELLS} trainings (${LOSSES} losses, ${SEEDS} seeds); ${CELLS} cells through Redis`,
      facts: [
        ["answer", said],
        ["answered after", seconds(answered?.seconds ?? Number.NaN)],
        ["size of the queue's file", sizeOf(size)],
        ["memory of the server in its first training", sizeOf(memory)],
        ["stop: taken, ended after", `${seconds(taken?.seconds ?? Number.NaN)}, ${seconds(stopped)}`],
        ["the form's count", `${form.trainings} trainings, ${form.rows} rows, in ${formMs.toFixed(0)} ms`],
        ...(redis?.facts ?? [["cells through Redis", "left out: no redis-server here"] as const]),
      ],
      problems,
    };
  });

/** What the form in MLflow offers. */
async function offersOf({ client, experimentId }: Parameters<Parameters<typeof inPlace>[2]>[0]) {
  const filter = "tags.`dualtail.kind` = 'launchpad'";
  const { items } = await client.runs.search({ experimentIds: [experimentId], filter });
  const file = await client.artifacts.download(items[0]!.info, "offers.json");
  return JSON.parse(Buffer.from(file).toString()) as LaunchOffers;
}

/** The server's side as it is; workers that are done at once, so that the queue alone is what is measured. */
async function throughRedis(): Promise<Pick<Outcome, "facts" | "problems">> {
  const server = await startRedis();
  const address = parseRedisAddress(server.url);
  const name = "load";
  const said: string[] = [];
  const reporter = { warn: (line: string) => said.push(line), line: (line: string) => said.push(line) };
  const seen = new Map<string, number>();
  const work = async ({ data }: { readonly data: CellJob }) => {
    seen.set(data.cell, (seen.get(data.cell) ?? 0) + 1);
  };
  const connection = { ...address.options, ...PATIENT, maxRetriesPerRequest: null };
  const workers = [0, 1].map(() => new Worker<CellJob>(name, work, { prefix: PREFIX, connection }));
  const queue = openCellQueue(address, name, reporter);
  try {
    const request = { version: 1, config: {} } as const;
    const train = queue.forEntry({ runId: "parent", experiment: "e", experimentId: "1", request });
    const orders = Array.from({ length: CELLS }, (_, index) => {
      const hex = index.toString(16);
      return {
        cell: hex.padStart(12, "0"),
        index,
        label: `cell ${index}`,
        fingerprint: hex.padStart(32, "0"),
      };
    });
    const before = performance.now();
    const outcomes = await train("a".repeat(32), orders, new AbortController().signal);
    const took = (performance.now() - before) / 1000;
    const done = new Set(outcomes.map(({ cell }) => cell)).size;
    const failed = outcomes.filter((outcome) => outcome.failed !== undefined).length;
    const doubled = [...seen.values()].filter((times) => times > 1).length;
    return {
      facts: [
        [
          "cells through Redis: added, taken by two workers, seen to have ended",
          `${done}, in ${seconds(took)}`,
        ],
        ["cells through Redis: lost, worked on twice", `${CELLS - seen.size}, ${doubled}`],
      ],
      problems: [
        ...(done === CELLS && outcomes.length === CELLS ? [] : [`${done} of ${CELLS} cells ended`]),
        ...(doubled === 0 ? [] : [`${doubled} cells were worked on twice`]),
        ...(failed === 0 ? [] : [`${failed} cells failed`]),
        ...said,
      ],
    };
  } finally {
    await Promise.all(workers.map((worker) => worker.close()));
    await queue.close();
    await server.stop();
  }
}

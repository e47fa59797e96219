import { Queue } from "bullmq";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { type RedisServer, redisServerPath, startRedis } from "../../../test/support/redis-server.ts";
import { Interrupted } from "../../comparison/execute/context.ts";
import { silentReporter } from "../../container/reporter.ts";
import { ServerEnds } from "../server-ends.ts";
import { parseRedisAddress } from "./address.ts";
import { type CellJob, PREFIX } from "./cell-job.ts";
import { openCellQueue } from "./cell-queue.ts";

const COMPARISON = "0123456789abcdef0123456789abcdef";
const ENTRY = {
  runId: "1",
  experiment: "e",
  experimentId: "2",
  request: { version: 1, config: {} },
} as const;
const ORDERS = ["aaaaaaaaaaaa", "bbbbbbbbbbbb"].map((cell, index) => ({
  cell,
  index,
  label: cell,
  fingerprint: COMPARISON,
}));

let redis: RedisServer;
beforeAll(async () => {
  if (redisServerPath) redis = await startRedis();
});
afterAll(() => redis?.stop());

/** A queue in which a server that has ended left two cells. */
async function leftBehind(name: string) {
  const address = parseRedisAddress(redis.url);
  const connection = { ...address.options, retryStrategy: () => 100 };
  const look = new Queue<CellJob>(name, { prefix: PREFIX, connection, skipVersionCheck: true });
  const first = openCellQueue(address, name, silentReporter);
  const second = openCellQueue(address, name, silentReporter);
  onTestFinished(async () => {
    await Promise.all([look.close(), first.close(), second.close()]);
  });
  const ends = new AbortController();
  const asked = first.forEntry(ENTRY)(COMPARISON, ORDERS, ends.signal);
  await expect.poll(() => look.getWaitingCount()).toBe(2);
  ends.abort(new ServerEnds());
  await expect(asked).rejects.toThrow(Interrupted);
  expect(await look.getWaitingCount()).toBe(2);
  return { look, next: second.forEntry(ENTRY) };
}

describe.skipIf(!redisServerPath)("a stop before the server has looked at what an earlier one began", () => {
  it("takes back the cells that wait, and tells the worker of one that is under way", async () => {
    const { look, next } = await leftBehind("stopped");
    // As a worker takes it.
    const taken = await look.getJob((await look.getWaiting())[0]!.id!);
    await redis.client.set(`${PREFIX}:stopped:${taken!.id}:lock`, "worker", "PX", 60_000);
    const stopped = next(COMPARISON, ORDERS, AbortSignal.abort());
    await expect.poll(async () => (await look.getJob(taken!.id!))?.data.stop).toBe(true);
    await expect.poll(() => look.getWaitingCount()).toBe(1);
    // The worker has seen it and lets go.
    await redis.client.del(`${PREFIX}:stopped:${taken!.id}:lock`);
    await expect(stopped).rejects.toThrow(Interrupted);
    expect(await look.getWaitingCount()).toBe(0);
  });
});

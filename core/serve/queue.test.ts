import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { temporaryFolder } from "../../test/support/temporary-folder.ts";
import { silentReporter } from "../container/reporter.ts";
import { type MlflowClient, MlflowError } from "../mlflow-js-client/index.ts";
import { grantLimit, queueLimit } from "./limits.ts";
import { tellOwed } from "./owed.ts";
import { openQueue, type QueueEntry } from "./queue.ts";

const entry = (id: string, requester = "a"): QueueEntry => ({
  id,
  runId: `run-${id}`,
  experimentId: "1",
  experiment: "e",
  requester,
  request: { version: 1, config: {} },
  state: "queued",
  attempts: 0,
});

describe("the queue", () => {
  it("survives the process: order, attempts and grants; what ran waits again", async () => {
    const file = join(await temporaryFolder(), "serve", "queue.json");
    const queue = await openQueue(file);
    const grant = { requester: "a", time: Date.now(), trainings: 3 };
    // Not awaited one by one: writes keep their order.
    await Promise.all([queue.add(entry("1"), grant), queue.add(entry("2")), queue.add(entry("3"))]);
    await queue.change("1", { state: "running", attempts: 1 });
    await queue.remove("2");
    const again = await openQueue(file);
    expect(again.entries).toEqual([{ ...entry("1"), attempts: 1 }, entry("3")]);
    expect(again.grants).toEqual([grant]);
  });

  it("keeps how a comparison ended until MLflow has been told, and gives up on a run that is gone", async () => {
    const file = join(await temporaryFolder(), "queue.json");
    const before = await openQueue(file);
    for (const id of ["1", "2"]) {
      await before.add(entry(id));
      await before.remove(id, { runId: `run-${id}`, state: "finished", message: "finished: 2 rows" });
    }
    const queue = await openQueue(file);
    const told: string[] = [];
    let error: MlflowError | undefined = new MlflowError("away", { errorCode: "ECONNREFUSED" });
    const client = {
      runs: {
        logBatch: async (runId: string) => {
          if (error) throw error;
          told.push(runId);
        },
      },
    } as unknown as MlflowClient;
    await expect(tellOwed({ client, queue, reporter: silentReporter })).rejects.toThrow("away");
    expect(queue.owed).toHaveLength(2);
    error = new MlflowError("gone", { errorCode: "RESOURCE_DOES_NOT_EXIST", status: 404 });
    const first = { client, reporter: silentReporter, queue: { ...queue, owed: queue.owed.slice(0, 1) } };
    await tellOwed(first);
    error = undefined;
    await tellOwed({ client, queue, reporter: silentReporter });
    expect(told).toEqual(["run-2"]);
    expect((await openQueue(file)).owed).toEqual([]);
  });

  it("is as it was where it cannot be written", async () => {
    const folder = join(await temporaryFolder(), "serve");
    const queue = await openQueue(join(folder, "queue.json"));
    await queue.add(entry("1"));
    await rm(folder, { recursive: true });
    // A file where the folder was.
    await writeFile(folder, "");
    await expect(queue.change("1", { state: "running", attempts: 1 })).rejects.toThrow(/cannot be written/);
    await expect(queue.add(entry("2"))).rejects.toThrow(/cannot be written/);
    expect(queue.entries).toEqual([entry("1")]);
    await rm(folder);
    await queue.add(entry("3"));
    expect((await openQueue(join(folder, "queue.json"))).entries).toEqual([entry("1"), entry("3")]);
  });

  it("forgets grants after a day", async () => {
    const queue = await openQueue(join(await temporaryFolder(), "queue.json"));
    await queue.add(entry("1"), { requester: "a", time: Date.now() - 25 * 3_600_000, trainings: 1 });
    await queue.add(entry("2"), { requester: "a", time: Date.now(), trainings: 2 });
    expect(queue.grants.map(({ trainings }) => trainings)).toEqual([2]);
  });

  it("says what to do about a file that is no queue, and leaves it", async () => {
    const file = join(await temporaryFolder(), "queue.json");
    await writeFile(file, '{"version":1,"entr');
    await expect(openQueue(file)).rejects.toThrow(/queue\.json: is not a queue/);
    expect(await readFile(file, "utf8")).toBe('{"version":1,"entr');
  });
});

describe("limits", () => {
  const limits = {
    queue: 3,
    perRequester: 2,
    perHour: 2,
    tagCharacters: 1000,
    trainings: 10,
    epochs: 1,
    batchSize: 1,
    templates: 1,
  };
  const now = 1_000_000_000;
  const grants = (...ago: number[]) =>
    ago.map((minutes) => ({ requester: "a", trainings: 4, time: now - minutes * 60_000 }));

  it("are of the queue as a whole and of each requester", () => {
    const entries = [entry("1"), { ...entry("2"), state: "running" as const }];
    expect(queueLimit(limits, { entries }, "b")).toBeUndefined();
    expect(queueLimit(limits, { entries }, "a")).toMatch(/a has 2 comparisons that wait or run/);
    const full = { entries: ["1", "2", "3"].map((id) => entry(id, id)) };
    expect(queueLimit(limits, full, "b")).toMatch(/the queue is full: 3 comparisons wait/);
  });

  it("are of requests per hour and trainings per day", () => {
    const limit = (trainings: number, ...ago: number[]) =>
      grantLimit(limits, { entries: [], grants: grants(...ago) }, { requester: "a", trainings }, now);
    expect(limit(2, 5, 70)).toBeUndefined();
    expect(limit(3, 5, 70)).toMatch(/takes 3 trainings, and a has had 8 of the 10/);
    expect(limit(1, 5, 59)).toMatch(/a has made 2 requests within the last hour/);
    expect(limit(10, 25 * 60)).toBeUndefined();
    const other = { entries: [], grants: grants(1, 2) };
    expect(grantLimit(limits, other, { requester: "b", trainings: 10 }, now)).toBeUndefined();
  });
});

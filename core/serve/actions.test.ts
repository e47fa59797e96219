import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { temporaryFolder } from "../../test/support/temporary-folder.ts";
import type { MlflowClient, Run } from "../mlflow-js-client/index.ts";
import { act } from "./actions.ts";
import type { ServeContext } from "./context.ts";
import { openQueue } from "./queue.ts";
import { TAGS } from "./tags.ts";
import type { Worker } from "./worker.ts";

const ID = "0123456789abcdef0123456789abcdef";
const LIMITS = { queue: 5, perRequester: 5 };

/** A queue with one comparison that waits, and a client that knows its run. */
async function setting() {
  const folder = await temporaryFolder();
  const queue = await openQueue(join(folder, "queue.json"));
  const request = { version: 1, config: { name: "n" } } as const;
  const rest = { experimentId: "1", experiment: "e", requester: "a", request, attempts: 0 };
  await queue.add({ id: ID, runId: "r", state: "queued", ...rest });
  const tags: Record<string, string> = { [TAGS.runId]: ID };
  let status = "SCHEDULED";
  const run = () =>
    ({ info: { runId: "r", experimentId: "1", status }, tags: { ...tags } }) as unknown as Run;
  const client = {
    runs: {
      get: async () => run(),
      update: async (_id: string, change: { status: string }) => {
        status = change.status;
      },
      deleteTag: async (_id: string, key: string) => {
        delete tags[key];
      },
      logBatch: async (_id: string, batch: { tags: Record<string, string> }) => {
        Object.assign(tags, batch.tags);
      },
    },
  } as unknown as MlflowClient;
  const context = { client, queue, outputDir: folder, config: { limits: LIMITS } } as unknown as ServeContext;
  const stopped: string[] = [];
  const worker = { stop: (id: string) => stopped.push(id) } as unknown as Worker;
  const ask = async (action: string) => {
    tags[TAGS.action] = action;
    await act(context, worker, run());
    expect(tags).not.toHaveProperty([TAGS.action]);
    return { status, state: tags[TAGS.state], message: tags[TAGS.message] };
  };
  return { queue, ask, stopped };
}

describe("an action on what waits", () => {
  it("takes it out of the queue, from where it can be resumed", async () => {
    const { ask, queue } = await setting();
    expect(await ask("stop")).toEqual({
      status: "KILLED",
      state: "killed",
      message: "taken out of the queue",
    });
    expect(queue.entries).toEqual([]);
    expect(await ask(" Resume ")).toMatchObject({ state: "queued" });
    expect(queue.entries).toMatchObject([{ id: ID, runId: "r", state: "queued", attempts: 0 }]);
    expect((await ask("resume")).message).toMatch(/it waits or runs already/);
    expect(queue.entries).toHaveLength(1);
  });

  it("says so where there is none of the name", async () => {
    const { ask, queue } = await setting();
    expect((await ask("constructor")).message).toMatch(
      /no action "constructor" — there are: stop, resume, rerun/,
    );
    expect(queue.entries).toHaveLength(1);
  });
});

describe("an action on what runs", () => {
  it("stops it by way of its worker", async () => {
    const { ask, queue, stopped } = await setting();
    await queue.change(ID, { state: "running" });
    expect((await ask("stop")).message).toBe("stopping at the next step");
    expect(stopped).toEqual([ID]);
    // Whatever happens to this process.
    expect(queue.entries).toMatchObject([{ id: ID, stopping: true }]);
  });
});

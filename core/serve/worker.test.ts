import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { temporaryFolder } from "../../test/support/temporary-folder.ts";
import { makeTinyClip } from "../../test/support/tiny-clip.ts";
import { parseConfigDocument } from "../comparison/config/index.ts";
import { Interrupted } from "../comparison/execute/context.ts";
import { createContainer, resolve } from "../container/index.ts";
import { silentReporter } from "../container/reporter.ts";
import { FileError } from "../errors.ts";
import type { MlflowClient } from "../mlflow-js-client/index.ts";
import { validateServeConfig } from "./config/index.ts";
import type { ServeContext } from "./context.ts";
import { openQueue, type Queue, type QueueEntry } from "./queue.ts";
import { createWorker } from "./worker.ts";

const ID = "0123456789abcdef0123456789abcdef";
const ENTRY: QueueEntry = {
  id: ID,
  runId: "r",
  experimentId: "1",
  experiment: "e",
  requester: "a",
  // None that could be run.
  request: { version: 1, config: {} },
  state: "queued",
  attempts: 0,
};

interface Changes {
  readonly context?: Partial<ServeContext>;
  readonly entry?: Partial<QueueEntry>;
  /** Of a queue that fails. */
  readonly change?: (queue: Queue) => Queue["change"];
}

/** A worker with one comparison, and a client that keeps what the run is told. */
async function setting({ context, entry, change }: Changes = {}) {
  const folder = await temporaryFolder();
  const queue = await openQueue(join(folder, "queue.json"));
  await queue.add({ ...ENTRY, ...entry });
  const messages: string[] = [];
  const ends: unknown[] = [];
  const client = {
    runs: {
      get: async () => ({ info: { status: "RUNNING" } }),
      update: async (_id: string, { status }: { status: unknown }) => ends.push(status),
      logBatch: async (_id: string, { tags }: { tags: Record<string, string> }) => {
        messages.push(tags["dualtail.message"]!);
      },
    },
  } as unknown as MlflowClient;
  const watched = change ? (Object.create(queue, { change: { value: change(queue) } }) as Queue) : queue;
  const config = { datasets: {}, backbones: {}, allow: {}, limits: {} };
  const own = {
    client,
    queue: watched,
    outputDir: folder,
    cacheDir: folder,
    config,
    reporter: silentReporter,
  };
  const worker = createWorker({ ...own, ...context } as unknown as ServeContext);
  return { worker, queue, messages, ends };
}

it("a disk that was full for a while is no attempt of the comparison that waits", async () => {
  let failures = 0;
  const { worker, queue, messages } = await setting({
    change: (real) => async (id, change) => {
      if (failures++ < 8) throw new FileError("queue.json", "cannot be written (ENOSPC)", {});
      return real.change(id, change);
    },
  });
  await expect
    .poll(() => {
      worker.wake();
      return queue.entries.length;
    })
    .toBe(0);
  await worker.close();
  expect(failures).toBeGreaterThan(8);
  expect(messages[0]).toBe("running");
  expect(messages.join("\n")).not.toMatch(/the server ended/);
});

describe("someone's stop", () => {
  /** A comparison that is under way until it is told to end. */
  async function underWay() {
    const folder = await temporaryFolder();
    await makeTinyClip(join(folder, "one"), { channels: 1, seed: 1 });
    const toy = fileURLToPath(new URL("../../test/support/toy-dataset.ts", import.meta.url));
    const registry = resolve(await createContainer({ plugins: [toy], baseDir: folder }), "registry");
    const file = {
      experiments: ["e"],
      datasets: { stripes: { use: "toy" } },
      backbones: { small: { use: "clip", folder: "./one" } },
    };
    const document = parseConfigDocument(JSON.stringify(file), join(folder, "serve.json"));
    let begun = () => {};
    let release = () => {};
    const isOpen = new Promise<void>((done) => {
      begun = done;
    });
    const released = new Promise<void>((done) => {
      release = done;
    });
    // The first that a comparison waits for: as long as the test wants.
    const open = async () => {
      begun();
      await released;
      throw new Interrupted();
    };
    const config = { dataset: "stripes", backbones: ["small"], peft: "none", losses: ["ce"] };
    const entry = { request: { version: 1, config } } as const;
    const context = {
      config: validateServeConfig(document, registry),
      registry,
      baseDir: folder,
      tracking: { open } as unknown as ServeContext["tracking"],
    };
    const made = await setting({ context, entry });
    made.worker.wake();
    await isOpen;
    return { ...made, release };
  }

  it("holds where the server ends right after it", async () => {
    const { worker, queue, ends, release } = await underWay();
    worker.stop(ID);
    const closed = worker.close();
    release();
    await closed;
    expect(queue.entries).toEqual([]);
    expect(ends).toEqual(["KILLED"]);
  });

  it("is not taken for the server's end, after which it goes on", async () => {
    const { worker, queue, ends, messages, release } = await underWay();
    const closed = worker.close();
    release();
    await closed;
    expect(queue.entries).toMatchObject([{ id: ID, state: "queued", attempts: 0 }]);
    expect(ends).toEqual([]);
    expect(messages.at(-1)).toMatch(/goes on when it is started again/);
  });

  it("holds where its end could not be noted", async () => {
    const { worker, queue, ends, messages } = await setting({ entry: { stopping: true } });
    worker.wake();
    await expect.poll(() => queue.entries.length).toBe(0);
    await worker.close();
    expect(ends).toEqual(["KILLED"]);
    expect(messages).toEqual([expect.stringMatching(/^stopped; /)]);
  });
});

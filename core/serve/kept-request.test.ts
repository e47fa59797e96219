import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { temporaryFolder } from "../../test/support/temporary-folder.ts";
import { FileError } from "../errors.ts";
import type { MlflowClient, Run } from "../mlflow-js-client/index.ts";
import { act } from "./actions.ts";
import type { ServeContext } from "./context.ts";
import { keepRequest, keptRequest, runFolderOf } from "./kept-request.ts";
import { openQueue, type QueueEntry } from "./queue.ts";
import { TAGS } from "./tags.ts";
import { takeRequest } from "./take-request.ts";
import type { Worker } from "./worker.ts";

const ID = "0123456789abcdef0123456789abcdef";
const ENTRY: QueueEntry = {
  id: ID,
  runId: "r",
  experimentId: "1",
  experiment: "e",
  requester: "a",
  request: { version: 1, config: { name: "n" } },
  state: "queued",
  attempts: 0,
};

describe("a request that is kept", () => {
  it("comes back, also when it is kept twice at once", async () => {
    const folder = await temporaryFolder();
    expect(await keptRequest(folder, ID)).toBeUndefined();
    await Promise.all([1, 2, 3, 4].map(() => keepRequest(folder, ENTRY)));
    const { state: _state, attempts: _attempts, ...kept } = ENTRY;
    expect(await keptRequest(folder, ID)).toEqual(kept);
    expect(await readdir(runFolderOf(folder, ID))).toEqual(["request.json"]);
  });

  it("says which file cannot be written", async () => {
    const folder = join(await temporaryFolder(), "file");
    await writeFile(folder, "");
    const failing = keepRequest(folder, ENTRY);
    await expect(failing).rejects.toThrow(FileError);
    await expect(failing).rejects.toThrow(/request\.json: cannot be written \(ENOTDIR\)/);
  });
});

describe.each([
  ["is empty", async (file: string) => writeFile(file, ""), /request\.json: is not a request that was kept/],
  ["is another's", async (file: string) => writeFile(file, '{"id":"x"}'), /is not a request that was kept/],
  ["cannot be read", async (file: string) => mkdir(file), /request\.json: cannot be read \(EISDIR\)/],
])("a request whose file %s", (_what, spoil, reason) => {
  const setting = async () => {
    const outputDir = await temporaryFolder();
    const folder = runFolderOf(outputDir, ID);
    await mkdir(folder);
    await spoil(join(folder, "request.json"));
    const tags: Record<string, string> = { [TAGS.runId]: ID, [TAGS.action]: "resume" };
    const run = { info: { runId: "r", experimentId: "1", status: "FAILED" }, tags } as unknown as Run;
    const client = {
      runs: {
        deleteTag: async () => {},
        logBatch: async (_id: string, batch: { tags: object }) => Object.assign(tags, batch.tags),
      },
    } as unknown as MlflowClient;
    const queue = await openQueue(join(outputDir, "queue.json"));
    const config = { limits: {} };
    return { context: { client, queue, outputDir, config } as unknown as ServeContext, run, tags };
  };

  it("is not refused for good: it is no fault of the request", async () => {
    const { context, run, tags } = await setting();
    const taking = takeRequest(context, run, "e");
    await expect(taking).rejects.toThrow(FileError);
    await expect(taking).rejects.toThrow(reason);
    expect(tags).not.toHaveProperty([TAGS.state]);
  });

  it("answers who asks to resume it", async () => {
    const { context, run, tags } = await setting();
    await act(context, {} as Worker, run);
    expect(tags[TAGS.message]).toMatch(reason);
  });
});

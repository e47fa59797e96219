import { join } from "node:path";
import { expect, it } from "vitest";
import { temporaryFolder } from "../../test/support/temporary-folder.ts";
import { silentReporter } from "../container/reporter.ts";
import { FileError } from "../errors.ts";
import type { MlflowClient } from "../mlflow-js-client/index.ts";
import type { ServeContext } from "./context.ts";
import { openQueue, type Queue } from "./queue.ts";
import { createWorker } from "./worker.ts";

/** A worker whose only comparison fails as soon as it begins: its request is none. */
async function setting(change: (queue: Queue) => Queue["change"]) {
  const folder = await temporaryFolder();
  const queue = await openQueue(join(folder, "queue.json"));
  const request = { version: 1, config: {} } as const;
  const rest = { experimentId: "1", experiment: "e", requester: "a", request, attempts: 0 };
  await queue.add({ id: "0123456789abcdef0123456789abcdef", runId: "r", state: "queued", ...rest });
  const messages: string[] = [];
  const client = {
    runs: {
      get: async () => ({ info: { status: "FAILED" } }),
      logBatch: async (_id: string, { tags }: { tags: Record<string, string> }) => {
        messages.push(tags["dualtail.message"]!);
      },
    },
  } as unknown as MlflowClient;
  const watched = Object.create(queue, { change: { value: change(queue) } }) as Queue;
  const config = { datasets: {}, backbones: {}, allow: {}, limits: {} };
  const context = { client, queue: watched, outputDir: folder, config, reporter: silentReporter };
  return { worker: createWorker(context as unknown as ServeContext), queue, messages };
}

it("a disk that was full for a while is no attempt of the comparison that waits", async () => {
  let failures = 0;
  const { worker, queue, messages } = await setting((real) => async (id, change) => {
    if (failures++ < 8) throw new FileError("queue.json", "cannot be written (ENOSPC)", {});
    return real.change(id, change);
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

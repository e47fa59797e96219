import { join } from "node:path";
import { expect, it } from "vitest";
import { temporaryFolder } from "../../test/support/temporary-folder.ts";
import type { MlflowClient, Run } from "../mlflow-js-client/index.ts";
import type { ServeContext } from "./context.ts";
import { openQueue } from "./queue.ts";
import { TAGS } from "./tags.ts";
import { takeRequest } from "./take-request.ts";

it("what was refused by a process that did not come to end it stays refused", async () => {
  const queue = await openQueue(join(await temporaryFolder(), "queue.json"));
  const changes: unknown[] = [];
  const info = { runId: "r", experimentId: "1", status: "SCHEDULED" };
  const client = {
    runs: {
      get: async () => ({ info }),
      update: async (_id: string, change: unknown) => changes.push(change),
    },
  } as unknown as MlflowClient;
  const tags = { [TAGS.runId]: "0123456789abcdef0123456789abcdef", [TAGS.state]: "refused" };
  await takeRequest({ client, queue } as unknown as ServeContext, { info, tags } as unknown as Run, "e");
  expect(changes).toEqual([expect.objectContaining({ status: "FAILED" })]);
  expect(queue.entries).toEqual([]);
});

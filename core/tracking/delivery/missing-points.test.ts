import { expect, it } from "vitest";
import { type MlflowClient, MlflowError } from "../../mlflow-js-client/index.ts";
import { missingPoints } from "./missing-points.ts";
import { createSteps } from "./steps.ts";

const POINTS = Array.from({ length: 20 }, (_, i) => ({ key: `key-${i}`, value: i, step: 0, timestamp: 1 }));

/** A server that has the points of even numbers, a page for each two of a key, and fails where `fails` says so. */
function server(fails: (request: number) => boolean) {
  let requests = 0;
  const getHistoryPage: MlflowClient["metrics"]["getHistoryPage"] = async (_, key, { pageToken } = {}) => {
    requests += 1;
    if (fails(requests)) throw new MlflowError("away", { errorCode: "HTTP_500", status: 500 });
    if (pageToken === undefined) return { items: [], nextPageToken: "second" };
    return { items: POINTS.filter((point) => point.key === key && point.value % 2 === 0) };
  };
  return { client: { metrics: { getHistoryPage } } as MlflowClient, requests: () => requests };
}

it("goes on with the page that failed, so that a server that fails often is asked about all keys in time", async () => {
  let pages = 0;
  // Two of three requests fail: 40 in a row never succeed.
  const { client, requests } = server((request) => request % 3 !== 0);
  const missing = missingPoints(client, "run", POINTS, () => {
    pages += 1;
  });
  let found: readonly { readonly value: number }[] | undefined;
  for (let tries = 0; found === undefined && tries < 200; tries += 1)
    found = await missing.find().catch(() => undefined);
  expect(found?.map(({ value }) => value)).toEqual(
    POINTS.map(({ value }) => value).filter((v) => v % 2 === 1),
  );
  expect([pages, requests()]).toEqual([40, 120]);
});

it("what a further try only does again is no progress", () => {
  let progress = 0;
  const steps = createSteps(() => {
    progress += 1;
  });
  const tries = (count: number) => {
    steps.begin();
    for (let i = 0; i < count; i += 1) steps.step();
    return steps.where;
  };
  const first = tries(2);
  expect([tries(2), progress]).toEqual([first, 2]);
  expect([tries(1) === first, progress]).toEqual([false, 2]);
  expect([tries(3) === first, progress]).toEqual([false, 3]);
  steps.done();
  tries(1);
  expect(progress).toBe(4);
});

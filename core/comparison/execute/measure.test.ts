import { expect, test } from "vitest";
import type { PreparedBackbone } from "./backbone.ts";
import type { ExecutionContext } from "./context.ts";
import { groupsOf } from "./measure.ts";

const context = (groupCounts?: readonly number[]) =>
  ({
    dataset: { classNames: ["a", "b", "c"], ...(groupCounts && { groupCounts }) },
    trainCounts: Int32Array.of(300, 50, 5),
    config: { evaluation: { thresholds: { many: 100, few: 20 } } },
  }) as unknown as ExecutionContext;
const backbone = { pretrainCounts: [1, 2, 3] } as unknown as PreparedBackbone;

test("D-groups come from the training counts, unless the data set states other ones", async () => {
  expect((await groupsOf(context(), [backbone])).downstream).toEqual(["many", "medium", "few"]);
  expect((await groupsOf(context([500, 19, 20]), [backbone])).downstream).toEqual(["many", "few", "medium"]);
});

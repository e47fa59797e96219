import assert from "node:assert/strict";
import { test } from "node:test";
import { checkPlugin } from "dualtail";
import { plugin } from "./index.js";

test("keeps what every plugin of its kind has to keep", async () => {
  const { findings } = await checkPlugin(plugin, { cost: false });
  assert.deepEqual(
    findings.filter(({ verdict }) => verdict === "fail"),
    [],
  );
});

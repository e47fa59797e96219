import assert from "node:assert/strict";
import { test } from "node:test";
import { checkPlugin } from "dualtail";
import { evaluateLoss } from "dualtail/losses";
import { plugin } from "./index.js";

const rows = [
  [2, 0, -1],
  [0.5, 1, 0],
];
const logits = Float64Array.from(rows.flat());
const labels = [0, 2];
const classCounts = [60, 30, 10];

test("equals its formula", async () => {
  const { loss } = await evaluateLoss(plugin, { tau: 1 }, { logits, labels, classCounts });
  // −log of the label's share of Σ_k n_k · exp(z_k), averaged over the samples.
  const shares = rows.map((row, b) => {
    const terms = row.map((z, k) => (classCounts[k] ?? 0) * Math.exp(z));
    return (terms[labels[b] ?? 0] ?? 0) / terms.reduce((sum, term) => sum + term, 0);
  });
  const expected = -shares.reduce((sum, share) => sum + Math.log(share), 0) / labels.length;
  assert.ok(Math.abs(loss - expected) < 1e-12, `${loss} is not ${expected}`);
});

test("keeps what every loss has to keep", async () => {
  const { findings } = await checkPlugin(plugin, { cost: false });
  assert.deepEqual(
    findings.filter(({ verdict }) => verdict === "fail"),
    [],
  );
});

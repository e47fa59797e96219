import { describe, expect, it } from "vitest";
import { fuzz, isBug } from "../fuzz/run.ts";
import { targets } from "../fuzz/targets/index.ts";

// A short part of `npm run fuzz`; the seed names the cases that ran.
const seed = Number(process.env.DUALTAIL_FUZZ_SEED ?? 7);
const CASES = 100;

describe(`broken input, seed ${seed}`, () => {
  it.each(targets.map(({ name }) => name))("%s: is read right or refused by name", async (target) => {
    const cases = Array.from({ length: CASES }, (_, index) => index);
    const results = await fuzz({ seed, target, cases });
    expect(results.map(({ case: index }) => index)).toEqual(cases);
    expect(results.filter(isBug), `npm run fuzz -- --seed ${seed} --target ${target}`).toEqual([]);
    // Neither everything read nor everything refused: the mutations reach what they are meant to.
    for (const outcome of ["accepted", "refused"])
      expect(results.filter((result) => result.outcome === outcome).length).toBeGreaterThan(5);
  });
});

import { describe, expect, it } from "vitest";
import { createContainer, resolve } from "../container/index.ts";
import { checkSource, describeReport } from "./index.ts";

/** CHECK_EDGES=1 checks every loss with every option at its edges; without, only the one with most ways to be built. */
const edges = (name: string) => Boolean(process.env.CHECK_EDGES) || name === "backdoor";

const registry = resolve(await createContainer(), "registry");

describe("the built-in plugins", () => {
  it.each(registry.names("loss"))("pass: loss/%s", async (name) => {
    const [report] = await checkSource(`loss/${name}`, {
      cacheDir: "unused",
      cost: false,
      edges: edges(name),
    });
    expect(report!.passed, describeReport(report!)).toBe(true);
    expect(report!.findings.length).toBeGreaterThan(5);
  });

  const others = (["peft", "strata", "backbone"] as const).flatMap((kind) =>
    registry.names(kind).map((name) => `${kind}/${name}`),
  );
  it.each(others)("pass: %s with its defaults", async (specifier) => {
    const [report] = await checkSource(specifier, { cacheDir: "unused", edges: false });
    expect(report!.passed, describeReport(report!)).toBe(true);
  });

  it("tells what a loss costs beside cross-entropy", async () => {
    const [report] = await checkSource("la", { cacheDir: "unused", edges: false });
    const cost = report!.findings.find(({ check }) => check === "cost");
    expect(cost).toMatchObject({
      verdict: "note",
      found: expect.stringMatching(/× the time of cross-entropy.* operators to \d+/),
    });
  });
});

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { commandLine } from "../../../test/support/command-line.ts";
import { type TempFolder, tempFolder } from "../../../test/support/plugin-folder.ts";
import type { Estimate } from "../../comparison/estimate/index.ts";

let folder: TempFolder;
beforeAll(async () => {
  folder = await tempFolder();
  await folder.write(
    "gpu.yaml",
    "{ experiment: e, dataset: { use: cifar100-lt, root: gone }, backbones: [clip], peft: lora, losses: [ce, la], device: cuda }",
  );
});
afterAll(() => folder.remove());

const dryRun = (...flags: string[]) => compare("--dry-run", ...flags);

const compare = (...flags: string[]) =>
  commandLine(["compare", "gpu.yaml", ...flags], folder.path, { HF_HOME: folder.path });

describe("dualtail compare --dry-run, with neither data, checkpoint nor GPU", () => {
  it("estimates from what is published", async () => {
    const { code, stdout, stderr } = await dryRun();
    expect([code, stderr]).toEqual([0, ""]);
    expect(stdout).toMatch(/data +100 classes; 10,847 train, 10,000 test \(as published\)/);
    expect(stdout).toContain("--rate <TFLOP/s>");
    expect(stdout).toMatch(/dataset cifar100-lt: .*gone.*; estimated with the published sizes/);
  });

  it("takes the rate that it is told, also as JSON", async () => {
    const { stdout } = await dryRun("--rate", "50", "--json");
    const { cells, estimate } = JSON.parse(stdout) as { cells: { id: string }[]; estimate: Estimate };
    expect(estimate.time.speed).toEqual({ from: "given", rate: 50e12 });
    expect(estimate.time.cells.map(({ id }) => id)).toEqual(cells.map(({ id }) => id));
    const [{ training }] = estimate.time.cells as [Estimate["time"]["cells"][number]];
    expect(training.images).toBe(10 * Math.ceil(10_847 / 128) * 128);
    expect(training.seconds).toBeCloseTo(training.operations / (0.87 * 50e12), 6);
  });

  it("refuses a rate that is none", async () => {
    const { code, stderr } = await dryRun("--rate", "fast");
    expect(code).toBe(2);
    expect(stderr).toContain("Give a number above 0.");
  });

  it("is what --rate and --measure are for", async () => {
    const { code, stderr } = await compare("--measure");
    expect(code).toBe(2);
    expect(stderr).toMatch(/--measure is for --dry-run/);
  });
});

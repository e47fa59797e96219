import { readFileSync, truncateSync, writeFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { dualtail } from "./support/cli.ts";
import { type Comparisons, named, openComparisons, type Setting } from "./support/comparisons.ts";
import { SERVER_START } from "./support/mlflow-server.ts";
import { makeTinyClip } from "./support/tiny-clip.ts";

let here: Comparisons;
beforeAll(async () => {
  here = await openComparisons();
}, SERVER_START);
afterAll(() => here?.close());

describe("bad input: one line, exit code, and FAILED with the reason", () => {
  /** Runs a comparison that must fail; returns its line of complaint and the runs it left. */
  async function failing(setting: Setting) {
    const { file, experiment } = here.config(setting);
    const { code, errors } = await here.compare(file, "--quiet");
    expect(code).toBe(1);
    const complaints = errors.filter((line) => !line.startsWith("(node:"));
    const found = await here.client.experiments.getByName(experiment);
    return { complaints, runs: found ? await here.runsOf(experiment) : undefined };
  }

  it("a loss that is not finite", async () => {
    const { file, experiment } = here.config({ losses: "[ce]", train: "epochs: 2, batchSize: 8" });
    writeFileSync(file, readFileSync(file, "utf8").replace("lr: 0.02", "lr: 1.0e+30"));
    const { code, stderr } = await here.compare(file, "--quiet");
    expect(code).toBe(1);
    expect(stderr).toMatch(/the loss is (NaN|Infinity) at step \d+ — lower train.optimizer.lr/);
    const { parent, children } = await here.runsOf(experiment);
    expect(parent.info.status).toBe("FAILED");
    const cell = named(children, "ce · clip · seed 0");
    expect(cell.info.status).toBe("FAILED");
    expect(cell.tags["dualtail.reason"]).toMatch(/the loss is (NaN|Infinity)/);
    // What did work stays.
    expect(named(children, "zero-shot · clip").info.status).toBe("FINISHED");
  });

  it("an image that does not decode", async () => {
    const broken = join(here.dir, "broken.png");
    writeFileSync(broken, "this is no image");
    const { complaints, runs } = await failing({ dataset: `{ use: toy, brokenFile: "${broken}" }` });
    expect(complaints.join("\n")).toContain("broken.png");
    expect(runs!.parent.info.status).toBe("FAILED");
    expect(runs!.parent.tags["dualtail.reason"]).toContain("broken.png");
  });

  it("a class without a training image", async () => {
    const { complaints, runs } = await failing({ dataset: "{ use: toy, emptyClass: true }" });
    expect(complaints).toEqual([expect.stringContaining('the class "star" has no training image')]);
    expect(runs!.parent.info.status).toBe("FAILED");
  });

  it("weights that are missing, truncated or garbage", async () => {
    const damage: readonly (readonly [string, (file: string) => void, RegExp])[] = [
      ["truncated", (file) => truncateSync(file, 3000), /truncated.*model\.safetensors/],
      ["garbage", (file) => writeFileSync(file, Buffer.alloc(200, 255)), /garbage.*model\.safetensors/],
    ];
    for (const [name, spoil, message] of damage) {
      await makeTinyClip(join(here.dir, name), { channels: 1 });
      spoil(join(here.dir, name, "model.safetensors"));
      const { complaints, runs } = await failing({ backbones: `[{ use: clip, folder: ./${name} }]` });
      expect(complaints).toEqual([expect.stringMatching(message)]);
      expect(runs!.parent.info.status).toBe("FAILED");
    }
    await mkdir(join(here.dir, "empty"), { recursive: true });
    const { complaints } = await failing({ backbones: "[{ use: clip, folder: ./empty }]" });
    expect(complaints).toEqual([expect.stringMatching(/empty.*config\.json/)]);
  });

  it("a tracking address that is none", async () => {
    const { file } = here.config({});
    const { code, errors } = await dualtail(["compare", file, "--quiet"], here.dir, {
      MLFLOW_TRACKING_URI: "htp://127.0.0.1:9",
    });
    expect(code).toBe(1);
    expect(errors).toEqual([expect.stringMatching(/must be http.*htp:/)]);
  });
});

import { execFileSync } from "node:child_process";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Comparisons, named, openComparisons, TWO } from "./support/comparisons.ts";
import { SERVER_START } from "./support/mlflow-server.ts";

let here: Comparisons;
beforeAll(async () => {
  here = await openComparisons();
}, SERVER_START);
afterAll(() => here?.close());
let commit: string;
beforeAll(() => {
  // A checkout of its own, whose commit the runs must name; the configs written later are not in it.
  const git = (...args: string[]) =>
    execFileSync("git", ["-c", "user.name=t", "-c", "user.email=t@example.org", ...args], {
      cwd: here.dir,
      encoding: "utf8",
    });
  git("init", "--quiet");
  git("commit", "--quiet", "--allow-empty", "--message", "start");
  commit = git("rev-parse", "HEAD").trim();
});

describe("a comparison in a real MLflow server", () => {
  it("logs a parent run and a nested run per row, with everything in them", async () => {
    const losses =
      "[ce, la, gla-train, { use: backdoor, mode: joint, label: joint }, { use: backdoor, label: post-hoc }]";
    const { file, experiment } = here.config({ losses, backbones: TWO });
    const { code, stdout, stderr } = await here.compare(file);
    expect(code, stderr).toBe(0);
    for (const row of ["zero-shot", "ce", "la", "gla-train", "joint", "post-hoc"])
      expect(stdout).toContain(row);

    const { parent, children } = await here.runsOf(experiment);
    expect(parent.info.status).toBe("FINISHED");
    // Two zero-shot rows, three losses × two backbones, one joint, one post-hoc.
    expect(children.length).toBe(2 + 6 + 1 + 1);
    expect(children.every(({ info }) => info.status === "FINISHED")).toBe(true);
    expect(parent.params).toMatchObject({ dataset: "toy", peft: "adaptformer", "train.epochs": "3" });
    expect(parent.tags["mlflow.source.git.commit"]).toBe(commit);
    expect(parent.tags["dualtail.git.dirty"]).toBe("true");
    const top = (await here.client.artifacts.list(parent.info.runId)).map(({ path }) => path);
    expect(top).toEqual(
      expect.arrayContaining(["comparison.md", "comparison.json", "config.resolved.json", "plots"]),
    );

    const la = named(children, "la · clip · seed 0");
    expect(la.params).toMatchObject({ loss: "la", "loss.tau": "1", backbone: "clip", seed: "0" });
    // 48 training images in batches of 8, three epochs.
    const losses_ = await here.client.metrics.getHistory(la.info.runId, "train/loss");
    expect(losses_.map(({ step }) => step)).toEqual([...Array(18).keys()]);
    expect((await here.client.metrics.getHistory(la.info.runId, "validation/overall")).length).toBe(3);
    const metrics = Object.fromEntries(la.metrics.map(({ key, value }) => [key, value]));
    expect(metrics["test/overall"]).toBeGreaterThanOrEqual(0);
    for (const key of [
      "test/d_medium",
      "test/d_few",
      "test/p_many",
      "test/p_few",
      "test/knn",
      "test/ece",
      "test/macro_f1",
      "trainable_parameters",
    ]) {
      expect(metrics, key).toHaveProperty([key]);
    }
    // No class has more than 100 images: an empty group is absent, not 0.
    expect(metrics).not.toHaveProperty(["test/d_many"]);
    expect(la.datasets.map(({ tags }) => tags?.["mlflow.data.context"]).sort()).toEqual([
      "test",
      "training",
      "validation",
    ]);
    const files = (await here.client.artifacts.list(la.info.runId)).map(({ path }) => path);
    expect(files).toEqual(
      expect.arrayContaining(["checkpoint", "per-class.csv", "predictions.csv", "plots"]),
    );

    const postHoc = named(children, "post-hoc · clip + openclip · seed 0");
    expect(postHoc.metrics.some(({ key }) => key === "test/overall")).toBe(true);
  });
});

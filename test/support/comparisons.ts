import { writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "vitest";
import { dualtail, toyPlugin } from "./cli.ts";
import { mlflowClient, mlflowUri, uniqueName } from "./mlflow-server.ts";
import { makeTinyClip } from "./tiny-clip.ts";

/** Of a small comparison, in YAML. */
export interface Setting {
  readonly losses?: string;
  readonly backbones?: string;
  readonly dataset?: string;
  readonly train?: string;
}

/** Two backbones, for a setting. */
export const TWO = "[{ use: clip, folder: ./one }, { use: openclip, folder: ./two }]";

export type Comparisons = Awaited<ReturnType<typeof openComparisons>>;

/** A folder with two tiny backbones from which small comparisons are run into the shared MLflow server. */
export async function openComparisons() {
  const dir = await mkdtemp(join(tmpdir(), "dualtail-comparison-"));
  await makeTinyClip(join(dir, "one"), { channels: 1, seed: 1 });
  await makeTinyClip(join(dir, "two"), { channels: 1, seed: 2 });
  const uri = await mlflowUri();
  const client = await mlflowClient();
  return {
    dir,
    uri,
    client,
    close: () => rm(dir, { recursive: true, force: true }),
    /** Writes a config; returns the file and the experiment's name. */
    config({
      losses = "[ce]",
      backbones = "[{ use: clip, folder: ./one }]",
      dataset = "{ use: toy }",
      train = "epochs: 3, batchSize: 8",
    }: Setting) {
      const experiment = uniqueName("comparison");
      const file = join(dir, `${experiment}.yaml`);
      writeFileSync(
        file,
        `experiment: ${experiment}
plugins: ["${toyPlugin}"]
dataset: ${dataset}
backbones: ${backbones}
peft: { use: adaptformer, bottleneck: 2 }
losses: ${losses}
train: { ${train}, optimizer: { use: sgd, lr: 0.02 } }
output: runs
`,
      );
      return { file, experiment };
    },
    compare: (file: string, ...args: string[]) =>
      dualtail(["compare", file, "--threads", "1", ...args], dir, { MLFLOW_TRACKING_URI: uri }),
    /** All runs of an experiment: the parent and its children. */
    async runsOf(experiment: string) {
      const found = await client.experiments.getByName(experiment);
      const { items } = await client.runs.search({ experimentIds: [found!.experimentId] });
      const parent = items.find(({ tags }) => tags["mlflow.parentRunId"] === undefined)!;
      const children = items.filter(({ tags }) => tags["mlflow.parentRunId"] === parent.info.runId);
      return { parent, children };
    },
  };
}

/** The run of this name. */
export const named = <T extends { info: { runName: string } }>(runs: readonly T[], name: string): T =>
  runs.find(({ info }) => info.runName === name) ??
  expect.fail(`no run "${name}" among ${runs.map((run) => run.info.runName)}`);

import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { fileURLToPath, pathToFileURL } from "node:url";
import { beforeAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { createProgram } from "../core/cli/program.ts";
import { run } from "../core/cli/run.ts";
import type { MlflowClient } from "../core/mlflow-js-client/index.ts";
import { findMlflowCommand } from "../core/tracking/managed/mlflow-command.ts";
import { runCommand } from "../core/tracking/managed/run-command.ts";
import { mlflowClient, mlflowUri, SERVER_START, uniqueName } from "./support/mlflow-server.ts";
import { temporaryFolder } from "./support/temporary-folder.ts";
import { makeTinyClip } from "./support/tiny-clip.ts";

interface EntryPoint {
  readonly parameters?: Readonly<
    Record<string, string | { readonly type: string; readonly default?: string }>
  >;
  readonly command: string;
}

const read = (file: string) => readFileSync(new URL(`../${file}`, import.meta.url), "utf8");
const { entry_points: entries } = parse(read("MLproject")) as {
  readonly entry_points: Readonly<Record<string, EntryPoint>>;
};

describe("MLproject", () => {
  it("is in the package, with the program that its commands run", () => {
    const { files, bin } = JSON.parse(read("package.json"));
    expect(files).toEqual(expect.arrayContaining(["MLproject", "dist"]));
    for (const { command } of Object.values(entries)) expect(command).toContain(`node ${bin.dualtail} `);
  });

  it.each(Object.entries(entries))(
    "%s is a command, and takes the parameters",
    (name, { command, parameters = {} }) => {
      const [, line = ""] = /node \S+main\.js (.*)$/.exec(command) ?? [];
      const [own, ...rest] = line.split(" ");
      expect(own).toBe(name);
      expect([...line.matchAll(/\{(\w+)\}/g)].map(([, key]) => key)).toEqual(Object.keys(parameters));
      const host = { env: {}, cwd: ".", print: () => {}, complain: () => {} } as never;
      const known = createProgram(host, () => {}).commands.find((other) => other.name() === name)!;
      const { operands, unknown } = known.parseOptions(rest);
      expect(unknown).toEqual([]);
      const required = known.registeredArguments.filter((argument) => argument.required);
      expect(operands).toHaveLength(required.length);
    },
  );

  it("in a run on a local store, of which there is no server, says what to do", async () => {
    let errors = "";
    const stderr = new PassThrough().on("data", (chunk: Buffer) => {
      errors += chunk.toString();
    }) as unknown as NodeJS.WriteStream;
    const env = { MLFLOW_TRACKING_URI: "sqlite:////data/mlflow.db", MLFLOW_RUN_ID: "0".repeat(32) };
    const code = await run(["report", "some"], { env, cwd: ".", stdout: stderr, stderr });
    expect([code, errors]).toEqual([
      1,
      expect.stringMatching(
        /^error: .* not "sqlite:\/\/\/\/data\/mlflow\.db"; .* mlflow server --backend-store-uri <it>\n$/,
      ),
    ]);
  });
});

describe("mlflow run", () => {
  let client: MlflowClient;
  beforeAll(async () => {
    client = await mlflowClient();
  }, SERVER_START);

  /** A folder with this MLproject whose program is the sources', and a small comparison. */
  async function project(experiment: string) {
    const folder = await temporaryFolder();
    copyFileSync(new URL("../MLproject", import.meta.url), join(folder, "MLproject"));
    mkdirSync(join(folder, "dist/core/cli"), { recursive: true });
    const tsx = pathToFileURL(createRequire(import.meta.url).resolve("tsx")).href;
    const main = new URL("../core/cli/main.ts", import.meta.url).href;
    const program = `await import("${tsx}");\nawait import("${main}");\n`;
    writeFileSync(join(folder, "dist/core/cli/main.js"), program);
    writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
    await makeTinyClip(join(folder, "clip"), { channels: 1, seed: 1 });
    const config = {
      experiment,
      plugins: [fileURLToPath(new URL("./support/toy-dataset.ts", import.meta.url))],
      dataset: { use: "toy" },
      backbones: [{ use: "clip", folder: "./clip" }],
      peft: "bias",
      losses: ["ce"],
      train: { epochs: 1, batchSize: 8 },
      threads: 1,
    };
    writeFileSync(join(folder, "my.json"), JSON.stringify(config));
    return folder;
  }

  it("makes the run that becomes the comparison's, in the experiment that it names", async () => {
    const [own, theirs] = [uniqueName("of-config"), uniqueName("of-mlflow-run")];
    const folder = await project(own);
    const home = fileURLToPath(new URL("../.dualtail", import.meta.url));
    const { NODE_OPTIONS: _, VITEST: __, ...inherited } = process.env;
    const env = { ...inherited, MLFLOW_TRACKING_URI: await mlflowUri(), NO_COLOR: "1" };
    const { command, args } = await findMlflowCommand({ home, env, onProgress: () => {} });
    const words = ["run", folder, "-e", "compare", "-P", "config=my.json", "--env-manager", "local"];
    const lines: string[] = [];
    const { code, tail } = await runCommand(
      command,
      [...args, ...words, "--experiment-name", theirs, "--run-name", "mine"],
      { env, cwd: folder, onLine: (line) => lines.push(line) },
    );
    expect(code, tail).toBe(0);
    expect(lines).toContainEqual(
      expect.stringContaining(`Experiment: ${theirs}, that of the run, instead of ${own}`),
    );
    expect(await client.experiments.getByName(own)).toBeUndefined();
    const { experimentId } = (await client.experiments.getByName(theirs))!;
    const { items } = await client.runs.search({ experimentIds: [experimentId] });
    const [parent] = items.filter(({ tags }) => tags["mlflow.parentRunId"] === undefined);
    const nested = items.filter(({ tags }) => tags["mlflow.parentRunId"] === parent!.info.runId);
    expect(nested.map(({ info }) => info.runName).sort()).toEqual(["ce · clip · seed 0", "zero-shot · clip"]);
    expect(items).toHaveLength(3);
    expect(parent!.info.status).toBe("FINISHED");
    expect(parent!.info.runName).toBe("mine");
    expect(parent!.params).toMatchObject({ dataset: "toy", cells: "1" });
    expect(parent!.params.config).toMatch(/my\.json$/);
    expect(parent!.tags).toMatchObject({
      "dualtail.kind": "comparison",
      "mlflow.source.type": "PROJECT",
      "mlflow.project.entryPoint": "compare",
    });
  }, 120_000);

  it("names a run that is not waiting: the comparison gets its own", async () => {
    const experiment = uniqueName("no-project-run");
    const folder = await project(experiment);
    const experimentId = await client.experiments.create(experiment);
    const { info } = await client.runs.create({ experimentId, runName: "done" });
    await client.runs.update(info.runId, { status: "FINISHED" });
    const uri = await mlflowUri();
    let errors = "";
    const stderr = new PassThrough().on("data", (chunk: Buffer) => {
      errors += chunk.toString();
    }) as unknown as NodeJS.WriteStream;
    const compare = (runId: string) =>
      run(["compare", "my.json", "--quiet"], {
        env: { PATH: process.env.PATH, MLFLOW_TRACKING_URI: uri, MLFLOW_RUN_ID: runId },
        cwd: folder,
        stdout: stderr,
        stderr,
      });
    expect(await compare(info.runId), errors).toBe(0);
    expect(errors).toMatch(
      /MLFLOW_RUN_ID: the run [0-9a-f]{32} is FINISHED, not RUNNING; the comparison gets a run of its own/,
    );
    expect(await compare("0".repeat(32)), errors).toBe(0);
    expect(errors).toMatch(/MLFLOW_RUN_ID: there is no run 0{32} on MLflow at /);
    const { items } = await client.runs.search({ experimentIds: [experimentId] });
    expect(items.filter(({ tags }) => tags["dualtail.kind"] === "comparison")).toHaveLength(2);
    expect((await client.runs.get(info.runId)).tags["dualtail.run_id"]).toBeUndefined();
  }, 60_000);
});

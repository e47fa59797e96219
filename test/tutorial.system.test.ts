import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { checkSource, describeReport } from "../core/check/index.ts";
import { createContainer, resolve } from "../core/container/index.ts";
import { commandLine } from "./support/command-line.ts";
import { startHub } from "./support/hub-server.ts";
import { installPackage } from "./support/installed-package.ts";
import { mlflowClient, mlflowUri, SERVER_START, uniqueName } from "./support/mlflow-server.ts";
import { isPrinted, tutorialSteps } from "./support/tutorial.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const TUTORIAL = join(root, "docs/tutorials/first-loss.md");

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "dualtail-tutorial-"));
  await installPackage(folder);
  await mlflowUri();
}, SERVER_START);
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Runs a command line of the text; `npx` would look for the same programs. */
async function shell(command: string, env: NodeJS.ProcessEnv): Promise<{ code: number; output: string }> {
  const { NODE_OPTIONS: _options, VITEST: _vitest, ...inherited } = process.env;
  const bin = join(folder, "node_modules", ".bin");
  const child = spawn(command.replace(/^npx /, ""), {
    cwd: folder,
    shell: true,
    env: {
      ...inherited,
      PATH: [bin, process.env.PATH].join(delimiter),
      NODE_NO_WARNINGS: "1",
      NO_COLOR: "1",
      ...env,
    },
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (chunk: Buffer) => {
      output += chunk.toString();
    });
  const [code] = (await once(child, "close")) as [number];
  return { code, output };
}

/** The command line in this process: a process each would take most of the time. */
const call = (args: string) => commandLine(args.split(" ").filter(Boolean), folder);

/** The small CLIP of the test bed in place of OpenAI's. */
async function standIn() {
  const checkpoint = join(root, "testbed/clip");
  const names = (await readdir(checkpoint)).filter((name) => !/pretraining|zero-shot/.test(name));
  const files = await Promise.all(
    names.map(async (name) => [name, await readFile(join(checkpoint, name))] as const),
  );
  const commit = "c".repeat(40);
  const repo = { revisions: { main: commit }, commits: { [commit]: Object.fromEntries(files) } };
  const { options } = resolve(await createContainer(), "registry").get("backbone", "clip");
  const published = resolve(await createContainer(), "registry").get("backbone", "clip").published!({
    checkpoint: options.properties.checkpoint!.default,
  } as never)!;
  return startHub({ [published.repo]: repo });
}

describe("the tutorial of the first loss", () => {
  it("does what it says, command by command", async () => {
    const hub = await standIn();
    const experiment = uniqueName("first-loss");
    const env = {
      HF_ENDPOINT: hub.url,
      HF_HOME: join(folder, "hub"),
      DUALTAIL_CACHE: join(folder, "cache"),
      MLFLOW_TRACKING_URI: await mlflowUri(),
    };
    const steps = tutorialSteps(await readFile(TUTORIAL, "utf8"));
    expect(steps.map(({ kind }) => kind)).toEqual(
      expect.arrayContaining(["run", "file", "replace", "prints"]),
    );
    let printed = "";
    for (const step of steps) {
      if (step.kind === "run") {
        printed = "";
        for (const command of step.commands) {
          const { code, output } = await shell(command, env);
          printed += output;
          expect(code, `${command}\n${output}`).toBe(step.exit);
        }
      } else if (step.kind === "file") {
        await mkdir(dirname(join(folder, step.file)), { recursive: true });
        // Runs of other tests are in the server too.
        await writeFile(
          join(folder, step.file),
          step.content.replace("experiment: first-loss", `experiment: ${experiment}`),
        );
      } else if (step.kind === "replace") {
        const before = await readFile(join(folder, step.file), "utf8");
        expect(before).toContain(step.from);
        await writeFile(join(folder, step.file), before.replace(step.from, step.to));
      } else {
        for (const line of step.lines)
          expect(isPrinted(line, printed), `"${line}" in:\n${printed}`).toBe(true);
      }
    }

    const schema = await readFile(join(folder, "dualtail.schema.json"), "utf8");
    expect(JSON.parse(schema)).toMatchObject({
      $defs: {
        loss: {
          anyOf: expect.arrayContaining([
            {
              enum: expect.arrayContaining(["ce", "my-loss"]),
              description: expect.stringContaining("(from ./my-loss)"),
            },
          ]),
        },
      },
    });
    expect(schema).toContain("Weight of 1 − p; 0 is cross-entropy");

    const client = await mlflowClient();
    const { experimentId } = (await client.experiments.getByName(experiment))!;
    const filter = "params.loss = 'my-loss'";
    const { items } = await client.runs.search({ experimentIds: [experimentId], filter });
    const epsilons = items.map(({ params }) => params["loss.epsilon"]);
    expect(epsilons.sort()).toEqual(["1", "4"]);
  }, 300_000);
});

describe("the templates of dualtail new", () => {
  const kinds = [
    ["loss", "--mode single"],
    ["loss", "--mode joint"],
    ["loss", "--mode post-hoc"],
    ["backbone", ""],
    ["peft", ""],
    ["dataset", ""],
    ["strata", ""],
  ] as const;
  const made = (["js", "ts"] as const).flatMap((language) =>
    kinds.map(([kind, mode], i) => ({ kind, mode, language, name: `${kind}-${i}-${language}` })),
  );

  it("have the right types and pass the check, in both languages", async () => {
    for (const { kind, mode, language, name } of made) {
      const { code, output } = await call(`new ${kind} ${name} ${mode} --${language}`);
      expect(code, output).toBe(0);
      expect(output).toContain(`npx dualtail check ./${name}`);
    }
    await symlink(join(root, "node_modules/@types"), join(folder, "node_modules/@types"));
    const strict = { target: "es2023", module: "nodenext", strict: true, noUncheckedIndexedAccess: true };
    const compilerOptions = { ...strict, skipLibCheck: true, allowJs: true, checkJs: true, types: ["node"] };
    const tsconfig = {
      compilerOptions: { ...compilerOptions, rootDir: ".", outDir: "built" },
      include: made.flatMap(({ name, language }) => [
        `${name}/index.${language}`,
        `${name}/test.${language}`,
      ]),
    };
    await writeFile(join(folder, "tsconfig.json"), JSON.stringify(tsconfig));
    await writeFile(join(folder, "package.json"), JSON.stringify({ type: "module" }));
    const tsc = `"${process.execPath}" "${join(root, "node_modules/typescript/bin/tsc")}"`;
    // The second is the template's own configuration.
    for (const project of [".", "loss-0-ts"]) {
      const { code, output } = await shell(`${tsc} -p ${project}`, {});
      expect([code, output]).toEqual([0, ""]);
    }
    for (const { kind, language, name } of made) {
      const specifier = language === "js" ? `./${name}` : `./built/${name}/index.js`;
      const options = { baseDir: folder, cacheDir: folder, cost: false, edges: false };
      const [report] = await checkSource(specifier, options);
      expect(report, describeReport(report!)).toMatchObject({ kind, name, passed: true });
    }
    // By its own script, and that one also builds.
    await symlink(join(root, "node_modules/typescript/bin/tsc"), join(folder, "node_modules/.bin/tsc"));
    for (const [command, passed] of [
      ["node --test loss-0-js/test.js built/peft-4-ts/test.js", 3],
      ["npm test --prefix loss-0-ts", 2],
    ] as const) {
      const tests = await shell(command, {});
      expect(tests.code, tests.output).toBe(0);
      expect(tests.output).toMatch(new RegExp(`^# pass ${passed}$`, "m"));
    }
    const built = await call("list --json --plugin ./loss-0-ts");
    expect(built.output).toContain('"loss-0-ts"');
  }, 300_000);

  it.each([
    ["an unknown kind", "losses mine", /Allowed choices are .*loss/],
    ["a name with capitals", "loss Mine", /"Mine" cannot be the name of a plugin — use kebab-case/],
    ["a name that is taken", "loss ce", /there is a loss "ce" already/],
    ["a mode of what is no loss", "peft mine --mode joint", /--mode is for losses/],
    ["a folder that is not empty", "loss mine --dir node_modules", /not empty .*nothing is overwritten/],
  ])("refuses %s", async (_what, args, message) => {
    const { code, output } = await call(`new ${args}`);
    expect(code).not.toBe(0);
    expect(output).toMatch(message);
    expect(existsSync(join(folder, "mine"))).toBe(false);
  });
});

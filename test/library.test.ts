import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { finish, startScript } from "./support/cli.ts";
import { mlflowUri, SERVER_START, uniqueName } from "./support/mlflow-server.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const examples = `${root}examples/typescript/`;

/** Where `dualtail/…` is, for the examples as they stand. */
const paths = { TSX_TSCONFIG_PATH: `${examples}tsconfig.json` };

async function example(name: string, args: readonly string[] = [], env: NodeJS.ProcessEnv = {}) {
  const { code, stdout, stderr } = await finish(
    startScript(`${examples}${name}.ts`, args, root, { ...paths, ...env }),
  );
  expect(code, stderr).toBe(0);
  return stdout;
}

async function packagesOf(...modules: string[]): Promise<string[]> {
  const script = `${root}test/support/loaded-packages.ts`;
  const { code, stdout, stderr } = await finish(
    startScript(
      script,
      modules.map((module) => `${root}${module}`),
      root,
      paths,
    ),
  );
  expect(code, stderr).toBe(0);
  return JSON.parse(stdout.trim().split("\n").at(-1)!) as string[];
}

describe("dualtail in other TypeScript projects", () => {
  it("evaluates losses on arrays", async () => {
    const lines = (await example("losses")).split("\n");
    const values = lines.flatMap((line) => /^backdoor, step \d+ ([\d.]+)$/.exec(line)?.[1] ?? []).map(Number);
    expect(values.length).toBe(3);
    expect(values[2]).toBeLessThan(values[0]! / 10);
  });

  it("builds losses into graphs", async () => {
    expect(await example("loss-nodes")).toMatch(/^\d+ bytes of ONNX from features, weight, labels$/m);
  });

  it("analyses arrays", async () => {
    const out = await example("analysis");
    expect(out).toMatch(/rare in both worlds: \[ 4, 5 \]/);
    expect([...out.matchAll(/^difference 0\.\d+ \[0\.\d+, 0\.\d+\], p 0\.00\d$/gm)].length).toBe(2);
  });

  it(
    "speaks to MLflow",
    async () => {
      const out = await example("mlflow", [uniqueName("typescript")], {
        MLFLOW_TRACKING_URI: await mlflowUri(),
      });
      expect(out).toMatch(/^0: 0\.9, 1: 0\.5, 2: 0\.3\nhttp.*\/runs\/\w+$/m);
    },
    SERVER_START,
  );

  it("loads onnxruntime with the first evaluation and not before", async () => {
    const losses = ["core/losses/index.ts", "plugins/losses/la/index.ts", "core/evaluation/index.ts"];
    const before = await packagesOf(...losses);
    expect(before).toContain("onnx-proto");
    expect(before).not.toContain("onnxruntime-node");
    const after = await packagesOf("examples/typescript/losses.ts");
    expect(after).toContain("onnxruntime-node");
  });

  it("analysis and the MLflow client bring no graphs, no plugins and no container along", async () => {
    const packages = await packagesOf("core/evaluation/index.ts", "core/mlflow-js-client/index.ts");
    for (const heavy of ["onnxruntime-node", "onnx-proto", "inversify", "ajv", "sharp", "commander"]) {
      expect(packages).not.toContain(heavy);
    }
  });
});

import { readFileSync } from "node:fs";
import { PassThrough } from "node:stream";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { createProgram } from "../core/cli/program.ts";
import { run } from "../core/cli/run.ts";

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

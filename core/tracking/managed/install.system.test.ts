import { chmod, mkdir, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import getPort from "get-port";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { MlflowInstallError, NoPythonError } from "../errors.ts";
import { resolveTracking } from "../open-tracker.ts";
import { ensureMlflowInstalled } from "./install.ts";
import { findPython } from "./python.ts";

let scratch: string;
beforeEach(async () => {
  scratch = await mkdtemp(join(tmpdir(), "dualtail-install-"));
});
afterEach(() => rm(scratch, { recursive: true, force: true }));

const noLines = () => undefined;

/** A PATH with nothing but one program that behaves as told. */
async function pathWith(name: string, script: string): Promise<NodeJS.ProcessEnv> {
  const bin = join(scratch, "bin");
  await mkdir(bin, { recursive: true });
  await writeFile(join(bin, name), `#!/bin/sh\n${script}\n`);
  await chmod(join(bin, name), 0o755);
  return { PATH: bin };
}

describe("ensureMlflowInstalled", () => {
  // The real requirements take minutes; everything but their download is the same with none.
  const options = async (text: string) => {
    const requirements = join(scratch, "requirements.txt");
    await writeFile(requirements, text);
    return { home: join(scratch, "home"), env: process.env, requirements };
  };

  it("installs once for two at the same time, and repairs what was interrupted", async () => {
    const lines: string[] = [];
    const given = { ...(await options("# nothing\n")), onProgress: (line: string) => lines.push(line) };
    const [first, second] = await Promise.all([ensureMlflowInstalled(given), ensureMlflowInstalled(given)]);
    expect(second).toBe(first);
    expect(lines.filter((line) => line.startsWith("Installing MLflow"))).toHaveLength(1);
    expect((await stat(first)).isFile()).toBe(true);

    await rm(join(given.home, "mlflow-venv", "dualtail-complete.txt"));
    await rm(first);
    expect(await ensureMlflowInstalled({ ...given, onProgress: noLines })).toBe(first);
    expect((await stat(first)).isFile()).toBe(true);
  }, 120_000);

  it("says why an installation failed, and does not take it for a complete one", async () => {
    const given = { ...(await options("./no-such-wheel.whl\n")), onProgress: noLines };
    const failure = ensureMlflowInstalled(given);
    await expect(failure).rejects.toBeInstanceOf(MlflowInstallError);
    await expect(failure).rejects.toThrow(/installing MLflow in .*mlflow-venv failed: .*no-such-wheel/i);
    await expect(stat(join(given.home, "mlflow-venv", "dualtail-complete.txt"))).rejects.toThrow(/ENOENT/);
  }, 120_000);
});

describe("findPython", () => {
  it("finds a real one", async () => {
    const { version, executable } = await findPython(process.env);
    expect(version).toMatch(/^3\.\d\d$/);
    expect((await stat(executable)).isFile()).toBe(true);
  });

  it("tells none, an old one, and one without venv apart", async () => {
    await expect(findPython({ PATH: scratch })).rejects.toMatchObject({
      name: "NoPythonError",
      message: expect.stringContaining("no Python on PATH"),
    });
    const old = await pathWith("python3", `echo '[3, 8, "/usr/bin/python3", true]'`);
    await expect(findPython(old)).rejects.toThrow(/only Python 3\.8/);
    const debian = await pathWith("python3", `echo '[3, 11, "/usr/bin/python3", false]'`);
    const failure = findPython(debian);
    await expect(failure).rejects.toBeInstanceOf(NoPythonError);
    await expect(failure).rejects.toMatchObject({
      hint: expect.stringContaining("sudo apt install python3.11-venv"),
    });
  });
});

describe("resolveTracking", () => {
  it("keeps runs on disk where there is no Python, and says how to upload them", async () => {
    const warnings: string[] = [];
    const home = join(scratch, "home");
    const tracking = await resolveTracking({ PATH: scratch }, { home, warn: (line) => warnings.push(line) });
    const root = join(home, "runs");
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).not.toContain("\n");
    expect(warnings[0]).toMatch(/no Python on PATH.*npx dualtail sync /);
    expect(warnings[0]!.endsWith(root)).toBe(true);
    const tracker = await tracking.openTracker("e");
    const run = await tracker.startRun({ name: "r" });
    await run.finish("FINISHED");
    await tracker.close();
    await tracking.stop();
    expect(await readFile(join(root, run.id, "events.jsonl"), "utf8")).toContain('"FINISHED"');
  });

  it("fails at once for a server that is not there or no server at all", async () => {
    const home = join(scratch, "home");
    const started = Date.now();
    const uri = `http://127.0.0.1:${await getPort({ host: "127.0.0.1" })}`;
    await expect(resolveTracking({ MLFLOW_TRACKING_URI: uri }, { home })).rejects.toMatchObject({
      oneLine: expect.stringMatching(
        /http:\/\/127\.0\.0\.1:\d+ cannot be reached.*nobody listens there.* — check /,
      ),
    });
    expect(Date.now() - started).toBeLessThan(5000);
    await expect(resolveTracking({ MLFLOW_TRACKING_URI: "file:./mlruns" }, { home })).rejects.toThrow(
      /must be http/,
    );
  });
});

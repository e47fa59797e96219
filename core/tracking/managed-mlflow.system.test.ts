import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { program, startScript } from "../../test/support/cli.ts";
import { MLFLOW_HOME } from "../../test/support/mlflow-global-setup.ts";
import { mlflowUri, SERVER_START } from "../../test/support/mlflow-server.ts";
import { createMlflowClient } from "../mlflow-js-client/index.ts";
import { readState, writeState } from "./managed/server-state.ts";
import { type ManagedMlflow, type ManagedMlflowOptions, startManagedMlflow } from "./managed-mlflow.ts";
import { openMlflowTracker } from "./mlflow-tracker.ts";
import { isAlive } from "./process-identity.ts";
import { tryProcessLock } from "./process-lock.ts";

let scratch: string;
beforeAll(async () => {
  // Installs MLflow where that has not been done.
  await mlflowUri();
  scratch = await mkdtemp(join(tmpdir(), "dualtail managed-"));
}, SERVER_START);
afterAll(() => rm(scratch, { recursive: true, force: true }));

/** Servers of a test that failed half-way. */
const started: ManagedMlflow[] = [];
afterEach(async () => {
  for (const server of started.splice(0)) await server.stop();
});

async function start(options: Omit<ManagedMlflowOptions, "home">): Promise<ManagedMlflow> {
  const server = await startManagedMlflow({ home, ...options });
  started.push(server);
  return server;
}

const home = MLFLOW_HOME;
const groupIsAlive = (pid: number) => isAlive(-pid);

/** A process that starts a server, prints its address, and goes on with this code. */
async function processWith(name: string, code: string) {
  const dataDir = join(scratch, name);
  const script = join(scratch, `${name}.mjs`);
  const managed = pathToFileURL(program("core/tracking/managed-mlflow.ts")).href;
  await writeFile(
    script,
    `import { startManagedMlflow } from ${JSON.stringify(managed)};
     console.log((await startManagedMlflow(${JSON.stringify({ home, dataDir })})).uri);
     ${code}`,
  );
  const child = startScript(script, [], scratch);
  child.stderr.pipe(process.stderr);
  const [uri] = (await once(child.stdout.setEncoding("utf8"), "data")) as [string];
  return { dataDir, child, uri: uri.trim() };
}

describe("startManagedMlflow", () => {
  it("is shared, ends with its last user, and keeps its data, artifacts, UI and port", async () => {
    const dataDir = join(scratch, "data o'f ü");
    const lines: string[] = [];
    const [first, second] = await Promise.all([
      start({ dataDir, onProgress: (line) => lines.push(line) }),
      start({ dataDir, onProgress: (line) => lines.push(line) }),
    ]);
    expect(lines).toEqual(["Starting MLflow"]);
    expect(second.uri).toBe(first.uri);
    expect([first.reused, second.reused].sort()).toEqual([false, true]);
    const { pid } = readState(dataDir)!;

    const client = createMlflowClient({ trackingUri: first.uri });
    const tracker = await openMlflowTracker({ client, experiment: "kept" });
    const run = await tracker.startRun({ name: "yesterday's" });
    await run.logArtifact("a.txt", "still here");
    await run.finish("FINISHED");
    const page = await (await fetch(first.uri)).text();
    const script = /src="(static-files[^"]+\.js)"/.exec(page)?.[1];
    expect((await fetch(`${first.uri}/${script}`)).headers.get("content-type")).toContain("javascript");

    await first.stop();
    await first.stop();
    await client.server.health();
    await second.stop();
    // A killed process still counts until init has collected it.
    await expect.poll(() => groupIsAlive(pid), { timeout: 20_000 }).toBe(false);
    await expect(client.server.health()).rejects.toMatchObject({ errorCode: "ECONNREFUSED" });

    // What the user is told to type opens it again.
    expect(first.where).toBe(dataDir);
    const shell = spawn("sh", ["-c", `exec sh -c "$0"`, first.reopenCommand], {
      detached: true,
      stdio: "ignore",
    });
    try {
      await expect.poll(() => client.server.health().then(() => "up"), { timeout: 60_000 }).toBe("up");
      const { info } = await client.runs.get(run.id);
      expect(new TextDecoder().decode(await client.artifacts.download(info, "a.txt"))).toBe("still here");
    } finally {
      process.kill(-shell.pid!, "SIGKILL");
    }
  }, 300_000);

  it("takes over a server whose process was killed, and ends it", async () => {
    const { dataDir, child, uri } = await processWith("orphan", "setInterval(() => 0, 1000);");
    child.kill("SIGKILL");
    await once(child, "exit");
    const { pid } = readState(dataDir)!;
    const again = await start({ dataDir });
    expect(again).toMatchObject({ reused: true, uri });
    await again.stop();
    await expect.poll(() => groupIsAlive(pid), { timeout: 20_000 }).toBe(false);
    const anew = await start({ dataDir });
    expect(anew).toMatchObject({ reused: false, uri });
    await anew.stop();
    expect(readState(dataDir)).toMatchObject({ users: [] });
  }, 300_000);

  it("ends the server when the process that started it ends", async () => {
    const { dataDir, child } = await processWith(
      "exit",
      `process.stdin.once("data", () => process.stdin.destroy());`,
    );
    const { pid } = readState(dataDir)!;
    expect(groupIsAlive(pid)).toBe(true);
    child.stdin.write("\n");
    // Nothing of the server keeps the process alive.
    await once(child, "exit");
    await expect.poll(() => groupIsAlive(pid), { timeout: 15_000 }).toBe(false);
  }, 300_000);

  it("does not end the server at its process's exit while another process is joining", async () => {
    const { dataDir, child } = await processWith(
      "joined",
      `process.stdin.once("data", () => process.exit());`,
    );
    const { pid, users } = readState(dataDir)!;
    const joining = await tryProcessLock(`${dataDir}.lock`);
    child.stdin.write("\n");
    await once(child, "exit");
    expect(readState(dataDir)).toMatchObject({ pid, users });
    if ("release" in joining) await joining.release();
    const next = await start({ dataDir });
    expect(next.reused).toBe(true);
    await next.stop();
    await expect.poll(() => groupIsAlive(pid), { timeout: 20_000 }).toBe(false);
  }, 300_000);

  it("does not share a server that was told to end", async () => {
    const dataDir = join(scratch, "ending");
    await start({ dataDir });
    const known = readState(dataDir)!;
    writeState(dataDir, { ...known, users: [] });
    const next = await start({ dataDir });
    expect(next).toMatchObject({ reused: false });
    expect(readState(dataDir)!.pid).not.toBe(known.pid);
    await expect.poll(() => groupIsAlive(known.pid), { timeout: 20_000 }).toBe(false);
    await next.stop();
  }, 300_000);

  it("shows the end of the log when the server dies", async () => {
    const dataDir = join(scratch, "broken");
    const first = start({ dataDir, port: await takenPort() });
    await expect(first).rejects.toThrow(/did not start \(exit code \d+\): .*address already in use/s);
    await writeFile(join(dataDir, "mlflow.db"), "this is no database");
    const failure = start({ dataDir });
    await expect(failure).rejects.toMatchObject({
      name: "TrackingError",
      hint: expect.stringContaining("server.log"),
    });
    await expect(failure).rejects.toThrow(/file is not a database/);
    expect(await readFile(join(dataDir, "server.log"), "utf8")).toContain("not a database");
  }, 300_000);
});

async function takenPort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  server.unref();
  return (server.address() as AddressInfo).port;
}

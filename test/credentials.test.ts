import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { MlflowClient } from "../core/mlflow-js-client/index.ts";
import { finish, main, startScript, toyPlugin as toy } from "./support/cli.ts";
import { commandLine } from "./support/command-line.ts";
import { mlflowClient, SERVER_START, uniqueName } from "./support/mlflow-server.ts";
import { type SignInProxy, startSignInProxy } from "./support/sign-in-proxy.ts";
import { makeTinyClip } from "./support/tiny-clip.ts";

const USER = "someone";
const PASSWORD = "pass/word@MARKED-1";
const TOKEN = "token-MARKED-2";
const basic = Buffer.from(`${USER}:${PASSWORD}`).toString("base64");
const SECRETS = [PASSWORD, encodeURIComponent(PASSWORD), basic, "MARKED", encodeURI(PASSWORD)];

let dir: string;
let client: MlflowClient;
let proxy: SignInProxy;
let experiment: string;
/** Everything that was said, by whom. */
const said = new Map<string, string>();

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "dualtail-credentials-"));
  await makeTinyClip(join(dir, "one"), { channels: 1, seed: 1 });
  client = await mlflowClient();
  experiment = uniqueName("credentials");
  proxy = await startSignInProxy(client.baseUrl, "/team", [`Basic ${basic}`, `Bearer ${TOKEN}`]);
  const parts = { plugins: [toy], threads: 1 };
  const train = { epochs: 1, batchSize: 8 };
  const comparison = {
    ...parts,
    experiment,
    dataset: { use: "toy", head: 12 },
    backbones: [{ use: "clip", folder: "./one" }],
    peft: "none",
    losses: ["ce"],
    train,
  };
  const server = {
    ...parts,
    experiments: [experiment],
    datasets: { stripes: { use: "toy", head: 12 } },
    backbones: { small: { use: "clip", folder: "./one" } },
    interval: 0.3,
  };
  await writeFile(join(dir, "c.json"), JSON.stringify(comparison));
  await writeFile(join(dir, "serve.json"), JSON.stringify(server));
}, SERVER_START);
afterAll(async () => {
  await proxy?.close();
  await rm(dir, { recursive: true, force: true });
});

/** What MLflow's clients read credentials from. */
const withCredentials = {
  uri: () => ({ MLFLOW_TRACKING_URI: addressOf(PASSWORD) }),
  variables: () => ({
    MLFLOW_TRACKING_URI: proxy.uri,
    MLFLOW_TRACKING_USERNAME: USER,
    MLFLOW_TRACKING_PASSWORD: PASSWORD,
  }),
  token: () => ({ MLFLOW_TRACKING_URI: proxy.uri, MLFLOW_TRACKING_TOKEN: TOKEN }),
};
const addressOf = (password: string) => proxy.uri.replace("//", `//${USER}:${encodeURIComponent(password)}@`);

async function cli(env: Readonly<Record<string, string>>, ...args: string[]): Promise<number> {
  const cache = join(dir, "cache");
  const { code, output } = await commandLine(args, dir, {
    ...env,
    DUALTAIL_DEBUG: "1",
    DUALTAIL_CACHE: cache,
  });
  said.set(`${args[0]} ${said.size}`, output);
  return code;
}

/** Where a text holds one of the secrets. */
const leaks = (text: string) => SECRETS.filter((secret) => text.includes(secret));

describe("credentials", () => {
  it("in the address, in variables and as a token are used", async () => {
    expect(await cli(withCredentials.uri(), "compare", "c.json")).toBe(0);
    expect(await cli(withCredentials.token(), "compare", "c.json", "--rerun")).toBe(0);
    expect(await cli(withCredentials.variables(), "compare", "c.json")).toBe(0);
  });

  it("are used by a server, whose form works without them", async () => {
    const args = ["serve", "--config", "serve.json", "--http", "0"];
    const child = startScript(main, args, dir, withCredentials.variables());
    const ended = finish(child);
    const url = await new Promise<string>((resolve, reject) => {
      let text = "";
      child.stdout.on("data", (chunk: Buffer) => {
        text += chunk.toString();
        const [, found] = /^form of .*: (http\S+)$/m.exec(text) ?? [];
        if (found) resolve(found);
      });
      void ended.then(({ stderr }) => reject(new Error(stderr)));
    });
    const page = await fetch(url);
    said.set("the form", `${[...page.headers].join("\n")}\n${await page.text()}`);
    const search = await fetch(url.replace("launch.html", "ajax-api/2.0/mlflow/runs/search"), {
      method: "POST",
      body: "{}",
    });
    expect(search.status).toBe(200);
    said.set("the list", await search.text());
    const none = "ajax-api/2.0/mlflow/runs/get?run_id=none";
    said.set("an error", await (await fetch(url.replace("launch.html", none))).text());
    child.kill("SIGINT");
    const { code, stdout, stderr } = await ended;
    expect(code, stderr).toBe(0);
    said.set("serve", stdout + stderr);
  });

  it("that are wrong, or for a server that is away, are not repeated", async () => {
    const wrong = `${PASSWORD}x`;
    expect(await cli({ MLFLOW_TRACKING_URI: addressOf(wrong) }, "compare", "c.json")).not.toBe(0);
    const token = { MLFLOW_TRACKING_URI: proxy.uri, MLFLOW_TRACKING_TOKEN: `${TOKEN}x` };
    expect(await cli(token, "report", experiment)).not.toBe(0);
    const nobody = addressOf(PASSWORD).replace(/:\d+\/team/, ":9/team");
    expect(await cli({ MLFLOW_TRACKING_URI: nobody }, "report", experiment)).not.toBe(0);
    expect(await cli({}, "report", experiment, "--tracking-uri", `ftp://${USER}:${PASSWORD}@x/`)).not.toBe(0);
  });

  it("are in nothing that was said, written or logged", async () => {
    for (const [by, text] of said) expect({ by, leaks: leaks(text) }).toEqual({ by, leaks: [] });
    const written = await readdir(dir, { recursive: true });
    for (const name of written) {
      const file = join(dir, name);
      if (!(await stat(file)).isFile()) continue;
      expect({ name, leaks: leaks(await readFile(file, "latin1")) }).toEqual({ name, leaks: [] });
    }
    // Journals and run folders are among them.
    expect(written.join("\n")).toMatch(/\.dualtail\/runs\/.*[\s\S]*state\.json/);

    const { experimentId, tags } = (await client.experiments.getByName(experiment))!;
    const { items } = await client.runs.search({ experimentIds: [experimentId], maxResults: 100 });
    expect(items.length).toBeGreaterThan(5);
    expect(leaks(JSON.stringify([tags, items]))).toEqual([]);
    const artifacts = async (runId: string, folder?: string): Promise<string[]> => {
      const found = await client.artifacts.list(runId, folder);
      const inner = found.map(({ path, isDir }) => (isDir ? artifacts(runId, path) : [path]));
      return (await Promise.all(inner)).flat();
    };
    let looked = 0;
    for (const { info } of items) {
      for (const path of await artifacts(info.runId)) {
        const content = Buffer.from(await client.artifacts.download(info, path)).toString("latin1");
        expect({ path, leaks: leaks(content) }).toEqual({ path, leaks: [] });
        looked += 1;
      }
    }
    expect(looked).toBeGreaterThan(20);
  });
});

import { mkdir, readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import type { Run } from "../../core/mlflow-js-client/index.ts";
import { type Hostile, hostileRequests, SCRIPT, scripted } from "./hostile-requests.mts";
import type { Outcome } from "./outcome.mts";
import { type CaseContext, inPlace, type Place, stateOf, until } from "./place.mts";

/** Every kind of request that means harm, sent to one server, with canaries that tell when something is opened. */
export const hostile = (context: CaseContext): Promise<Outcome> =>
  inPlace(context, { interval: 0.3 }, async (place) => {
    const { folder } = place;
    const canaries = join(folder, "canary");
    const imported = join(folder, "imported");
    await mkdir(join(canaries, "train", "cat"), { recursive: true });
    await writeFile(join(canaries, "config.json"), "{}");
    const plugin = join(canaries, "plugin.mjs");
    await writeFile(
      plugin,
      `import { writeFileSync } from "node:fs";\nwriteFileSync(${JSON.stringify(imported)}, "");\n`,
    );
    let connections = 0;
    const server = createServer((_request, answer) => answer.end());
    server.on("connection", () => {
      connections += 1;
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    const log = join(folder, "opened.jsonl");
    try {
      await place.start({
        NODE_OPTIONS: `--import ${new URL("opened.mjs", import.meta.url).href}`,
        LOAD_OPENED: log,
      });
      const all = hostileRequests({ folder: canaries, plugin, url: `http://127.0.0.1:${port}` });
      const problems: string[] = [];
      const rows: (readonly string[])[] = [["request", "answer"]];
      const asked: string[] = [];
      for (const { tags } of all) asked.push(tags ? await ask(place, tags) : "");
      for (const [index, one] of all.entries()) {
        const message = await answerTo(place, one, asked[index]!);
        rows.push([one.kind, message ?? "none"]);
        if (message === undefined) problems.push(`${one.kind}: no answer`);
        else if (!one.says.test(message) || message.length > 1000 || NOT_ONE_LINE.test(message))
          problems.push(`${one.kind}: ${message}`);
        if (!place.alive()) throw new Error(`${one.kind} ended the server: ${place.printed()}`);
      }
      const refused = all.length - problems.length;
      const script = await ask(place, scripted());
      const run = await until(place, script, (one) => stateOf(one) === "finished", 60_000);
      if (!run) problems.push("a request with script in its texts did not finish");
      const markup = run ? await rawMarkup(place, run.run) : [];
      const left = (await place.queued()).length;
      const code = await place.end();
      const opened = await openedBy(log);
      const reached = opened.filter(
        ([kind, what]) =>
          // Of which the server asks its own folder's commit.
          (kind === "process" && what !== "git") ||
          (kind === "path" && /canary|passwd|\/share$|left-pad|~root/.test(what)) ||
          (kind === "connection" && what.endsWith(`:${port}`)),
      );
      const wasImported = await readFile(imported).then(
        () => true,
        () => false,
      );
      problems.push(
        ...reached.map((one) => `reached: ${one.join(" ")}`),
        ...(wasImported ? ["the plugin was imported"] : []),
        ...(connections === 0 ? [] : [`${connections} connections to the canary`]),
        ...markup,
        ...(left === 0 ? [] : [`${left} in the queue`]),
        ...(code === 0 ? [] : [`exit code ${code}`]),
        // Otherwise nothing is shown by what was not written down.
        ...(opened.some(([kind, what]) => kind === "path" && what.includes(join(folder, "one")))
          ? []
          : ["the model that was asked for was not seen to be opened"]),
        ...(opened.some(([kind]) => kind === "connection") ? [] : ["no connection was seen"]),
      );
      return {
        name: "hostile",
        title: `${all.length} requests that mean harm, one after the other, to one server`,
        facts: [
          ["refused, with the reason in one line", `${refused} of ${all.length}`],
          [
            "canaries: files opened, modules imported, processes started, connections",
            `${reached.filter(([kind]) => kind === "path").length}, ${wasImported ? 1 : 0}, ${reached.filter(([kind]) => kind === "process").length}, ${connections}`,
          ],
          [
            "files opened, listed or looked at in all",
            `${opened.filter(([kind]) => kind === "path").length}`,
          ],
          ["markup in every text: comparison", run ? "finished" : "not finished"],
          ["markup in every text: artifacts with a tag of it", `${markup.length}`],
        ],
        table: rows.map(([kind, answer]) => [kind!, shorten(answer!, folder)]),
        problems,
      };
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });

/** What breaks a line or turns it. */
const NOT_ONE_LINE = /[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/u;

const shorten = (text: string, folder: string) => {
  const plain = text.replaceAll(folder, "…").replaceAll(/127\.0\.0\.1:\d+/g, "127.0.0.1");
  return plain.length <= 160 ? plain : `${plain.slice(0, 159)}…`;
};

async function ask({ client, experimentId }: Place, tags: Readonly<Record<string, string>>): Promise<string> {
  // A server takes so many tags with a run, and others later.
  const entries = Object.entries(tags);
  const { info } = await client.runs.create({
    experimentId,
    runName: "hostile",
    tags: Object.fromEntries(entries.slice(0, 100)),
  });
  for (let i = 100; i < entries.length; i += 100)
    await client.runs.logBatch(info.runId, { tags: Object.fromEntries(entries.slice(i, i + 100)) });
  await client.runs.update(info.runId, { status: "SCHEDULED" });
  return info.runId;
}

/** @returns what was said of a request that was refused */
async function answerTo(place: Place, { launch }: Hostile, id: string): Promise<string | undefined> {
  if (launch === undefined) {
    const found = await until(place, id, ({ info }) => info.status !== "SCHEDULED", 60_000);
    if (found?.run.info.status !== "FAILED" || stateOf(found.run) !== "refused") return undefined;
    return found.run.tags["dualtail.message"];
  }
  const { client, experimentId } = place;
  const filter = "tags.`dualtail.kind` = 'launchpad'";
  const [pad] = (await client.runs.search({ experimentIds: [experimentId], filter })).items;
  const { runId } = pad!.info;
  await client.runs.setTag(runId, "dualtail.message", "asked");
  await client.runs.setTag(runId, "dualtail.launch", launch);
  const found = await until(place, runId, (run) => run.tags["dualtail.message"] !== "asked", 60_000);
  return found?.run.tags["dualtail.message"];
}

/** Artifacts in which the script is markup rather than text. */
async function rawMarkup({ client, experimentId }: Place, parent: Run): Promise<string[]> {
  const filter = `tags.\`mlflow.parentRunId\` = '${parent.info.runId}'`;
  const { items } = await client.runs.search({ experimentIds: [experimentId], filter });
  const found: string[] = [];
  const look = async (run: Run, folder?: string): Promise<void> => {
    for (const { path, isDir } of await client.artifacts.list(run.info.runId, folder)) {
      if (isDir) await look(run, path);
      else if (/\.(svg|html|md)$/.test(path)) {
        const text = Buffer.from(await client.artifacts.download(run.info, path)).toString();
        if (/<script>alert|<img src=x/.test(text)) found.push(`${path} holds ${SCRIPT.slice(0, 10)}…`);
      }
    }
  };
  for (const run of [parent, ...items]) await look(run);
  return found;
}

async function openedBy(log: string): Promise<readonly (readonly [string, string])[]> {
  const text = await readFile(log, "utf8");
  return text
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line) as [string, string]);
}

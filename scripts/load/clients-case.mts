import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { median } from "../../bench/median.ts";
import type { Run } from "../../core/mlflow-js-client/index.ts";
import { program, startScript } from "../../test/support/cli.ts";
import type { ClientTask } from "./client.mts";
import { type Outcome, seconds, sizeOf } from "./outcome.mts";
import { type CaseContext, inPlace, type Place, requestRuns, stateOf, until } from "./place.mts";

const CLIENT = program("scripts/load/client.mts");
const REQUESTERS = 10;
/** Without an answer for so long it is given up, ms. */
const PATIENCE = 120_000;

/** Clients that all ask at once, while one comparison runs; in the middle one is stopped, and the server is killed. */
export function clients(context: CaseContext, requests: number, count: number): Promise<Outcome> {
  const each = Math.ceil(requests / REQUESTERS);
  const perRequester = Math.ceil(0.6 * each);
  const limits = {
    queue: 10 * requests,
    perRequester,
    perHour: 10 * requests,
    trainings: 10 * requests,
    epochs: 1_000_000,
  };
  return inPlace(context, { limits }, async (place) => {
    await place.start();
    const begun = performance.now();
    const launched = Array.from({ length: count }, (_, i) =>
      launch(place, context, {
        requests: Math.floor((i + 1) * (requests / count)) - Math.floor(i * (requests / count)),
        requesters: requestersOf(i),
        name: `client ${i}`,
      }),
    );
    const answers = watchAnswers(place);
    const answered = () => new Set(answers().map(({ runId }) => runId)).size;
    const reach = async (share: number) => {
      let last = { count: -1, time: performance.now() };
      while (answered() < share * requests) {
        const now = performance.now();
        if (answered() !== last.count) last = { count: answered(), time: now };
        if (now - last.time > PATIENCE || !place.alive()) return false;
        await sleep(100);
      }
      return true;
    };

    const problems: string[] = [];
    const stopped: number[] = [];
    const stop = async () => {
      const running = (await place.queued()).find(({ state }) => state === "running");
      if (running === undefined) return problems.push("nothing runs that could be stopped");
      await place.client.runs.setTag(running.runId, "dualtail.action", "stop");
      const told = await until(place, running.runId, ({ tags }) => tags["dualtail.action"] === undefined);
      const ended = await until(place, running.runId, (run) => stateOf(run) === "killed");
      if (!told || !ended) return problems.push("stop was not answered within 120 s");
      stopped.push(told.seconds, told.seconds + ended.seconds);
      if (stopped.at(-1)! > 10) problems.push(`stop took ${seconds(stopped.at(-1)!)}`);
      return undefined;
    };
    await reach(0.3);
    await stop();
    await reach(0.6);
    await place.kill();
    const left = answered();
    context.line(`  killed after ${left} answers`);
    await place.start();
    const whole = await reach(1);
    const took = (performance.now() - begun) / 1000;
    if (!whole) problems.push(`${requests - answered()} of ${requests} had no answer when it was given up`);
    const sent = (await Promise.all(launched)).flat();
    // Nothing more comes of what has been answered.
    await sleep(5000);
    const rss = await place.rss();
    const size = await place.queueSize();
    const entries = await place.queued();
    const runs = await requestRuns(place);
    const twice = doubled(answers());
    const looks = looksOf(place);
    const code = await place.end();

    const state = new Map<string, number>();
    for (const run of runs) state.set(stateOf(run) ?? "none", (state.get(stateOf(run) ?? "none") ?? 0) + 1);
    const refused = state.get("refused") ?? 0;
    const ended = (state.get("killed") ?? 0) + (state.get("finished") ?? 0) + (state.get("failed") ?? 0);
    const lost = sent.filter(
      (id) => stateOf(runs.find(({ info }) => info.runId === id)!) === undefined,
    ).length;
    const accepted = runs.length - refused - lost;
    problems.push(
      ...problemsOf(runs, entries, ended, perRequester),
      ...(sent.length === requests && runs.length === requests ? [] : [`${sent.length} of ${requests} sent`]),
      ...(lost === 0 ? [] : [`${lost} lost`]),
      ...(twice === 0 ? [] : [`${twice} answered twice`]),
      ...(code === 0 ? [] : [`exit code ${code}`]),
    );
    const searches = looks.searches / looks.gaps.length;
    return {
      name: "clients",
      title: `${count} clients at once, ${requests} requests of ${REQUESTERS} requesters; one comparison runs and is stopped after 30 %, the server is killed after 60 %`,
      facts: [
        ["requests sent", `${sent.length}`],
        ["accepted", `${accepted}`],
        ["refused", `${refused}`],
        ["lost", `${lost}`],
        ["answered twice", `${twice}`],
        ["in the queue's file in the end", `${entries.length}`],
        ["ended", `${ended}`],
        ["all answered after", seconds(took)],
        [
          "between two looks at MLflow: median, longest",
          `${seconds(median(looks.gaps))}, ${seconds(Math.max(...looks.gaps))}`,
        ],
        ["searches in one look", searches.toFixed(1)],
        ["stop: taken, ended after", stopped.map(seconds).join(", ")],
        ["memory of the server in the end", sizeOf(rss)],
        ["size of the queue's file", sizeOf(size)],
      ],
      problems,
    };
  });
}

const requestersOf = (client: number) =>
  Array.from({ length: REQUESTERS }, (_, i) => `requester ${(client + i) % REQUESTERS}`);

/** @returns run ids that MLflow took */
async function launch(
  { experimentId }: Place,
  { mlflowUri: uri }: CaseContext,
  task: Pick<ClientTask, "requests" | "requesters" | "name">,
): Promise<readonly string[]> {
  const child = startScript(CLIENT, [JSON.stringify({ uri, experimentId, ...task })], process.cwd());
  let text = "";
  child.stdout.on("data", (chunk: Buffer) => {
    text += chunk.toString();
  });
  child.stderr.pipe(process.stderr);
  await once(child, "close");
  return text.split("\n").filter(Boolean);
}

interface Told {
  readonly runId: string;
  readonly state: string;
}

/** First answers to requests, as the server sends them; each request of the server's is looked at once. */
function watchAnswers({ sent }: Place): () => readonly Told[] {
  const told: Told[] = [];
  let seen = 0;
  return () => {
    for (const { path, body } of sent.slice(seen)) {
      seen += 1;
      if (!path.endsWith("/runs/log-batch") || !body.includes("dualtail.state")) continue;
      const { run_id, tags = [] } = JSON.parse(body) as {
        readonly run_id: string;
        readonly tags?: readonly { readonly key: string; readonly value: string }[];
      };
      const state = tags.find(({ key }) => key === "dualtail.state")?.value;
      if (state === "queued" || state === "refused") told.push({ runId: run_id, state });
    }
    return told;
  };
}

/** Runs that were told twice that they wait, or are refused, or one and then the other. */
function doubled(answers: readonly Told[]): number {
  const counts = new Map<string, number>();
  for (const { runId } of answers) counts.set(runId, (counts.get(runId) ?? 0) + 1);
  return [...counts.values()].filter((count) => count > 1).length;
}

function problemsOf(
  runs: readonly Run[],
  entries: Awaited<ReturnType<Place["queued"]>>,
  ended: number,
  perRequester: number,
): string[] {
  const waiting = runs.filter((run) => ["queued", "running"].includes(stateOf(run) ?? ""));
  const ids = new Set(entries.map(({ runId }) => runId));
  const missing = waiting.filter(({ info }) => !ids.has(info.runId)).length;
  const own = new Map<string, number>();
  for (const { requester } of entries) own.set(requester, (own.get(requester) ?? 0) + 1);
  return [
    ...(missing === 0 ? [] : [`${missing} accepted are not in the queue`]),
    ...(ids.size === entries.length ? [] : [`${entries.length - ids.size} are in the queue twice`]),
    ...(entries.length === waiting.length
      ? []
      : [`${entries.length} in the queue, ${waiting.length} told so, ${ended} ended`]),
    ...[...own]
      .filter(([, count]) => count > perRequester)
      .map(([name, count]) => `${name} has ${count} in the queue`),
    // Who was below the limit was not refused.
    ...(Math.min(...own.values()) >= perRequester - 1 ? [] : ["one was refused below the limit"]),
  ];
}

/** A look begins with the first of its searches, which asks for actions. */
function looksOf({ sent }: Place): { readonly gaps: readonly number[]; readonly searches: number } {
  const looks = sent.filter(({ path, body }) => path.endsWith("/runs/search") && body.includes("watch"));
  const starts = looks.filter(
    ({ body }) => body.includes("dualtail.action") || !body.includes("dualtail.kind"),
  );
  const gaps = starts.slice(1).map(({ time }, i) => (time - starts[i]!.time) / 1000);
  return { gaps, searches: looks.length };
}

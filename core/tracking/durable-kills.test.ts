import { once } from "node:events";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, it } from "vitest";
import { finish, program, startScript } from "../../test/support/cli.ts";
import { mlflowClient, mlflowUri, SERVER_START, uniqueName } from "../../test/support/mlflow-server.ts";
import { temporaryFolder } from "../../test/support/temporary-folder.ts";
import { readJournal } from "./disk/journal.ts";
import type { MetricPoint } from "./tracker.ts";

const script = program("test/support/durable-writer.ts");

/** `DUALTAIL_KILLS=100 npx vitest run core/tracking/durable-kills.test.ts` for more. */
const KILLS = Number(process.env.DUALTAIL_KILLS ?? 2);
const SEED = Number(process.env.DUALTAIL_SEED ?? 1);
/** Steps that a process gets to before it is killed, about. */
const STEPS = 300 * (KILLS + 1);

it(
  `shows each point once after ${KILLS} kills at seeded moments (seed ${SEED})`,
  async () => {
    const client = await mlflowClient();
    const experiment = uniqueName("killed");
    const root = await temporaryFolder();
    const start = async () => startScript(script, [await mlflowUri(), experiment, root, String(STEPS)], root);
    let state = SEED;
    for (let kill = 0; kill < KILLS; kill++) {
      const child = await start();
      await once(child.stdout, "data");
      state = (state * 1103515245 + 12345) & 0x7fffffff;
      await sleep((600 * state) / 0x7fffffff);
      child.kill("SIGKILL");
      await once(child, "close");
    }
    const last = await finish(await start());
    expect(last.code, last.stderr).toBe(0);

    const [id] = await readdir(root);
    const logged: MetricPoint[] = [];
    const put = new Set<string>();
    let resumed = 0;
    for await (const { event } of readJournal(join(root, id!, "events.jsonl"))) {
      if (event.type === "metrics") logged.push(...event.points);
      if (event.type === "artifact") put.add(event.path);
      if (event.type === "resume") resumed += 1;
    }
    expect(resumed).toBe(KILLS);
    expect(logged.length).toBe(2 * STEPS);
    const { experimentId } = (await client.experiments.getByName(experiment))!;
    const runs = (await client.runs.search({ experimentIds: [experimentId], viewType: "ALL" })).items;
    expect(runs.map(({ tags, info }) => [tags["dualtail.run_id"], info.status])).toEqual([[id, "FINISHED"]]);
    for (const key of ["loss", "odd"]) {
      const shown = await client.metrics.getHistory(runs[0]!.info.runId, key);
      expect(shown).toEqual(logged.filter((point) => point.key === key));
    }
    const files = await client.artifacts.list(runs[0]!.info.runId);
    expect(files.map(({ path }) => path).sort()).toEqual([...put].sort());
    expect(put.size).toBeGreaterThan(KILLS);
  },
  SERVER_START,
);

import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { findDiskRuns } from "../../core/tracking/disk/find-runs.ts";
import { JOURNAL, readJournal } from "../../core/tracking/disk/journal.ts";
import { dualtail, toyPlugin } from "../../test/support/cli.ts";
import { makeTinyClip } from "../../test/support/tiny-clip.ts";
import { check } from "./check.mts";
import { type CaseContext, inPlace, seeded } from "./context.mts";
import { type Outcome, problemsOf } from "./outcome.mts";
import type { Expected } from "./spec.mts";

/** A real comparison by the command line, with every fault of a network drawn at random. */
export const comparison = (context: CaseContext): Promise<Outcome> =>
  inPlace(context, "comparison", async ({ experiment, folder, proxy }) => {
    const { client, seed } = context;
    const random = seeded(seed);
    proxy.fault = ({ path }) => {
      const draw = random();
      // At its start a comparison asks once whether there is a server.
      if (path.endsWith("health") || path.endsWith("version")) return "pass";
      if (draw < 0.1) return "lose";
      if (draw < 0.2) return "refuse";
      return draw < 0.3 ? 500 : "pass";
    };
    await makeTinyClip(join(folder, "clip"), {});
    await mkdir(join(folder, "out"));
    const config = {
      experiment,
      dataset: "toy",
      backbones: [{ use: "clip", folder: "clip" }],
      peft: { use: "lora" },
      losses: ["ce", "la"],
      train: { epochs: 4, batchSize: 4 },
      output: "out",
      plugins: [toyPlugin],
    };
    await writeFile(join(folder, "c.yaml"), JSON.stringify(config));
    const { code, errors } = await dualtail(
      ["compare", "c.yaml", "--tracking-uri", proxy.uri, "--quiet"],
      folder,
    );
    const synced = await dualtail(
      ["sync", join(folder, ".dualtail", "runs"), "--tracking-uri", client.baseUrl],
      folder,
    );
    const runs = await journaled(join(folder, ".dualtail", "runs"));
    const found = await check(client, experiment, runs);
    return {
      name: "comparison",
      title: "a comparison by the command line: 30 % of requests refused, cut or 500",
      found,
      shownAtExit: found.shown,
      toldLost: 0,
      code,
      warnings: errors,
      note: `${runs.length} runs, ${runs.reduce((sum, run) => sum + Object.keys(run.artifacts).length, 0)} artifacts`,
      problems: [
        ...problemsOf(found),
        ...(code === 0 ? [] : [`exit code ${code}: ${errors.at(-1)}`]),
        ...(synced.code === 0 ? [] : [`sync: ${synced.errors.at(-1)}`]),
        ...(runs.length === 4 ? [] : [`${runs.length} runs`]),
      ],
    };
  });

/** What a comparison tracked, by its journals. */
async function journaled(root: string): Promise<Expected[]> {
  const all: Expected[] = [];
  for (const { folder, start } of await findDiskRuns(root)) {
    const metrics: Expected["metrics"][number][] = [];
    const params: Record<string, string> = {};
    const tags: Record<string, string> = {};
    const artifacts: Record<string, Uint8Array> = {};
    for await (const { event } of readJournal(join(folder, JOURNAL))) {
      if (event.type === "metrics") metrics.push(...event.points);
      if (event.type === "params")
        for (const [key, value] of Object.entries(event.params)) params[key] = String(value);
      if (event.type === "tags") Object.assign(tags, event.tags);
      if (event.type === "artifact")
        artifacts[event.path] = await readFile(join(folder, "artifacts", ...event.path.split("/")));
    }
    all.push({ name: start.name, metrics, params, tags, artifacts });
  }
  return all;
}

import { join } from "node:path";
import { check } from "./check.mts";
import { startWriter } from "./child.mts";
import { type CaseContext, inPlace } from "./context.mts";
import { logTimes, type Outcome, problemsOf } from "./outcome.mts";
import { DEFAULT, expected } from "./spec.mts";

/** A second process opens the run that a first one writes. */
export const sameRunTwice = (context: CaseContext): Promise<Outcome> =>
  inPlace(context, "same-run", async ({ experiment, root, folder }) => {
    const { client, seed } = context;
    const spec = { ...DEFAULT, seed };
    const task = { uri: client.baseUrl, experiment, root, spec };
    let second: ReturnType<typeof startWriter> | undefined;
    const first = startWriter({ ...task, report: join(folder, "first.json") }, (line) => {
      const id = /^id (\w+)/.exec(line)?.[1];
      if (id) second = startWriter({ ...task, report: join(folder, "second.json"), resume: id });
    });
    const { code, report } = await first.done;
    const refused = await second!.done;
    const found = await check(client, experiment, expected(spec));
    const problems = [
      ...problemsOf(found),
      ...(code === 0 ? [] : [`exit code ${code}`]),
      ...(refused.code === 1 ? [] : [`the second process ended with ${refused.code}`]),
      ...(refused.report.warnings.some((line) => /is being written by process \d+/.test(line))
        ? []
        : ["the second process was not told why"]),
    ];
    return {
      name: "same-run",
      title: "a second process opens the same run",
      found,
      shownAtExit: found.shown,
      toldLost: 0,
      code,
      warnings: report.warnings,
      log: logTimes(report),
      note: `the second one is refused, exit code ${refused.code}`,
      problems,
    };
  });

/** 50,000 points of one run, as fast as they can be logged. */
export const manyMetrics = (context: CaseContext): Promise<Outcome> =>
  inPlace(context, "many", async ({ experiment, root, folder, proxy }) => {
    const { client, seed } = context;
    const spec = { ...DEFAULT, seed, runs: 1, steps: 12_500, stepMs: 0, artifacts: [] };
    const began = performance.now();
    const child = startWriter({
      uri: proxy.uri,
      experiment,
      root,
      report: join(folder, "report.json"),
      spec,
    });
    const { code, report } = await child.done;
    const seconds = (performance.now() - began) / 1000;
    const found = await check(client, experiment, expected(spec));
    const batches = proxy.requests.filter((request) => request.endsWith("log-batch")).length;
    const grown = (report.rss.peak - report.rss.start) / 2 ** 20;
    return {
      name: "many",
      title: "50,000 points in one run, logged at once",
      found,
      shownAtExit: found.shown,
      toldLost: 0,
      code,
      warnings: report.warnings,
      log: logTimes(report),
      closeMs: report.closeMs,
      note: `all shown after ${seconds.toFixed(1)} s, ${batches} requests with data, memory grew by ${grown.toFixed(0)} MiB`,
      problems: [...problemsOf(found), ...(code === 0 ? [] : [`exit code ${code}`])],
    };
  });

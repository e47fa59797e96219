import { join } from "node:path";
import { syncToMlflow } from "../../core/tracking/sync.ts";
import { check } from "./check.mts";
import { startWriter } from "./child.mts";
import { type CaseContext, inPlace, seeded } from "./context.mts";
import type { ServerFault } from "./faults.mts";
import { logTimes, type Outcome, problemsOf } from "./outcome.mts";
import { DEFAULT, expected, type Spec } from "./spec.mts";

/** Tracks in a process of its own while the server is at fault; then `sync`, by the code of `dualtail sync`. */
export const serverCase = (context: CaseContext, fault: ServerFault): Promise<Outcome> =>
  inPlace(context, fault.name, async ({ experiment, root, folder, proxy }) => {
    const { client, seed } = context;
    const spec: Spec = { ...DEFAULT, seed, ...fault.spec };
    let began: number | undefined;
    const seconds = () => {
      began ??= performance.now();
      return (performance.now() - began) / 1000;
    };
    proxy.fault = fault.decide({ seconds, random: seeded(seed) });
    const child = startWriter({
      uri: proxy.uri,
      experiment,
      root,
      report: join(folder, "report.json"),
      spec,
    });
    const { code, report } = await child.done;
    proxy.fault = () => "pass";
    const runs = expected(spec);
    const atExit = await check(client, experiment, runs, { ended: false });
    const synced = await syncToMlflow({ root, client });
    const again = await syncToMlflow({ root, client });
    const found = await check(client, experiment, runs);
    const { told, shownAtExit = atExit.shown } = fault;
    const problems = [
      ...problemsOf(found),
      ...(atExit.shown === shownAtExit ? [] : [`${atExit.shown} points shown at exit, not ${shownAtExit}`]),
      ...(code === 0 ? [] : [`exit code ${code}`]),
      ...(again.unchanged === spec.runs ? [] : [`a second sync changed ${spec.runs - again.unchanged} runs`]),
      ...(told === undefined || told.length === report.warnings.length
        ? []
        : ["told otherwise than expected"]),
      ...(told ?? []).filter((line) => !report.warnings.some((warning) => line.test(warning))).map(String),
    ];
    return {
      name: fault.name,
      title: fault.title,
      found,
      shownAtExit: atExit.shown,
      toldLost: 0,
      code,
      warnings: report.warnings,
      log: logTimes(report),
      closeMs: report.closeMs,
      note: synced.uploaded > 0 ? `${synced.uploaded} of ${spec.runs} runs by \`sync\`` : undefined,
      problems,
    };
  });

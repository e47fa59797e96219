import { join } from "node:path";
import { syncToMlflow } from "../../core/tracking/sync.ts";
import { check, type Found } from "./check.mts";
import { startWriter } from "./child.mts";
import { type CaseContext, inPlace } from "./context.mts";
import { logTimes, type Outcome, problemsOf } from "./outcome.mts";
import { type SmallDisk, smallDisk } from "./small-disk.mts";
import { DEFAULT, expected } from "./spec.mts";

interface DiskFault {
  readonly name: string;
  readonly title: string;
  readonly begin?: (disk: SmallDisk) => void;
  /** Steps after which the disk fills and has room again. */
  readonly full?: { readonly from: number; readonly to: number };
  /** What the process must end with, what it must say, and how its runs must stand. */
  readonly code: number;
  readonly told: readonly RegExp[];
  readonly wrong: readonly RegExp[];
  /** Nothing is tracked at all. */
  readonly refused?: boolean;
}

const STEPS = DEFAULT.steps;

/** Journals on a file system of 2 MiB of its own, really full or read-only. */
export const diskFaults: readonly DiskFault[] = [
  {
    name: "disk-full-for-a-while",
    title: "disk full while 60 of 300 steps are made",
    full: { from: 40, to: 100 },
    code: 0,
    told: [/ENOSPC.*The work goes on/, /no metric point was lost/],
    wrong: [],
  },
  {
    name: "disk-full",
    title: "disk full from the second run's middle to the end",
    full: { from: STEPS + 70, to: Number.POSITIVE_INFINITY },
    code: 1,
    told: [/ENOSPC.*The work goes on/, /ENOSPC/, /\d+ metric points of steps \d+ to \d+ could not be kept/],
    wrong: [/run 1: artifact/, /run 1: artifact/, /run 1 is KILLED/, /parent is KILLED/],
  },
  {
    name: "read-only",
    title: "journals' folder read-only at the start",
    begin: (disk) => disk.readOnly(),
    code: 1,
    told: [/cannot be written to \(EROFS\)/],
    wrong: [],
    refused: true,
  },
];

export const diskCase = (context: CaseContext, fault: DiskFault): Promise<Outcome> =>
  inPlace(context, fault.name, async ({ experiment, folder }) => {
    const { client, seed } = context;
    const disk = await smallDisk(2);
    try {
      const root = join(disk.folder, "runs");
      fault.begin?.(disk);
      const spec = { ...DEFAULT, seed };
      const { full } = fault;
      let working: Promise<void> = Promise.resolve();
      const task = { uri: client.baseUrl, experiment, root, report: join(folder, "report.json"), spec };
      const child = startWriter(task, (line) => {
        const step = Number(/^step (\d+)/.exec(line)?.[1] ?? Number.NaN);
        if (step === full?.from) working = working.then(() => disk.fill());
        if (step === full?.to) working = working.then(() => disk.free());
      });
      const { code, report } = await child.done;
      await working;
      const runs = expected(spec);
      const nothing: Found = { tracked: 0, shown: 0, lost: 0, doubled: 0, wrong: [] };
      const atExit = fault.refused ? nothing : await check(client, experiment, runs, { ended: false });
      await disk.free();
      if (!fault.refused) await syncToMlflow({ root, client });
      const found = fault.refused ? nothing : await check(client, experiment, runs);
      const said = report.warnings.map((line) => /(\d+) metric points .*could not be kept/.exec(line)?.[1]);
      const toldLost = said.reduce((sum, count) => sum + Number(count ?? 0), 0);
      const { wrong, ...points } = found;
      // Depends on when a request happens to be answered.
      const told = report.warnings.filter((line) => !/is delivered cannot be noted there/.test(line));
      const problems = [
        ...problemsOf({ ...points, wrong: [] }, toldLost),
        ...wrong.filter((line) => !fault.wrong.some((known) => known.test(line))),
        ...(code === fault.code ? [] : [`exit code ${code}`]),
        ...(told.length === fault.told.length ? [] : [`told ${told.length} lines`]),
        ...fault.told.filter((line) => !told.some((warning) => line.test(warning))).map(String),
      ];
      return {
        name: fault.name,
        title: fault.title,
        found,
        shownAtExit: atExit.shown,
        toldLost,
        code,
        warnings: report.warnings,
        log: logTimes(report),
        closeMs: report.closeMs,
        note: fault.refused ? "refused, with the reason" : wrong.length > 0 ? wrong.join(", ") : undefined,
        problems,
      };
    } finally {
      await disk.remove();
    }
  });

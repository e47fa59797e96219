import { readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { identityOf, tokenOf } from "../../core/tracking/process-identity.ts";
import { syncToMlflow } from "../../core/tracking/sync.ts";
import { check } from "./check.mts";
import { startWriter } from "./child.mts";
import { type CaseContext, inPlace } from "./context.mts";
import { logTimes, type Outcome, problemsOf } from "./outcome.mts";
import { DEFAULT, expected } from "./spec.mts";

interface LeftLock {
  readonly name: string;
  readonly title: string;
  /** Who wrote the locks that are left; the pid is that of a living process of this machine. */
  readonly writer: Parameters<typeof tokenOf>[0];
  /** Nothing is sent before a person has removed them. */
  readonly held: boolean;
}

const living = identityOf(process.pid);

export const leftLocks: readonly LeftLock[] = [
  {
    name: "earlier-boot",
    title: "locks left by a power cut, their pid that of another process since; server down, then `sync`",
    writer: { ...living, boot: "an earlier one" },
    held: false,
  },
  {
    name: "other-machine",
    title: "locks of another machine on a shared disk; server down, then `sync`, locks removed, `sync`",
    writer: { ...living, host: "another machine", boot: "another", space: undefined },
    held: true,
  },
];

/** Tracks without a server; then `sync`, where locks were left in the runs' folders. */
export const lockCase = (context: CaseContext, { name, title, writer, held }: LeftLock): Promise<Outcome> =>
  inPlace(context, name, async ({ experiment, root, folder, proxy }) => {
    const { client, seed } = context;
    const spec = { ...DEFAULT, seed };
    proxy.fault = () => "refuse";
    const task = { uri: proxy.uri, experiment, root, report: join(folder, "report.json"), spec };
    const { code, report } = await startWriter(task).done;
    const locks = (await readdir(root)).flatMap((id) =>
      ["writer.lock", "delivery.lock"].map((lock) => join(root, id, lock)),
    );
    for (const lock of locks) await writeFile(lock, tokenOf(writer));
    const first = await syncToMlflow({ root, client });
    if (held) for (const lock of locks) await rm(lock);
    const second = await syncToMlflow({ root, client });
    const found = await check(client, experiment, expected(spec));
    const sent = held ? [0, spec.runs] : [spec.runs, 0];
    const problems = [
      ...problemsOf(found),
      ...(code === 0 ? [] : [`exit code ${code}`]),
      ...(first.uploaded === sent[0] && second.uploaded === sent[1]
        ? []
        : [`sync sent ${first.uploaded} and ${second.uploaded} runs`]),
      ...(first.elsewhere.length > 0 === held ? [] : ["told otherwise than expected"]),
    ];
    return {
      name,
      title,
      found,
      shownAtExit: 0,
      toldLost: 0,
      code,
      warnings: report.warnings,
      log: logTimes(report),
      closeMs: report.closeMs,
      note: held ? "left alone until they were removed" : "sent at once",
      problems,
    };
  });

import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { JOURNAL, type RunEvent, readJournal } from "../disk/journal.ts";
import { WRITER_LOCK } from "../disk-tracker.ts";
import { isLocked } from "../process-lock.ts";

/** A writer puts files in place just before it records them; how often it is looked for the record, and how far apart, ms. */
const LOOKS = 10;
const BETWEEN = 500;

/**
 * Whether an event of a run's journal from byte `from` on takes the place of an earlier one whose files have changed. Waits
 * for it while the run has a writer.
 */
export async function isSuperseded(
  folder: string,
  from: number,
  isIt: (event: RunEvent) => boolean,
): Promise<boolean> {
  for (let look = 1; ; look += 1) {
    // Before the journal is read: a writer that has let go has written all.
    const isWritten = await isLocked(join(folder, WRITER_LOCK));
    for await (const { event } of readJournal(join(folder, JOURNAL), { from })) if (isIt(event)) return true;
    if (!isWritten || look === LOOKS) return false;
    await sleep(BETWEEN);
  }
}

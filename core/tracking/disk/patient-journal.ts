import { FileError } from "../../errors.ts";
import type { MetricPoint } from "../tracker.ts";
import { createOrder } from "./in-order.ts";
import type { Journal } from "./journal.ts";

export interface PatientJournalOptions {
  readonly file: string;
  readonly warn: (line: string) => void;
  /** Most points in memory. Default 100,000, some tens of MB. */
  readonly limit?: number;
  /** Time between two tries to write what waits, ms. Default 1000. */
  readonly retryMs?: number;
}

/** The disk's trouble, which may pass; what is wrong with the file itself does not. */
const PASSING = new Set(["ENOSPC", "EDQUOT", "EROFS", "EIO", "ETIMEDOUT"]);

/**
 * A journal whose metrics wait in memory while the disk takes nothing, so that training goes on; everything else needs
 * the disk and throws, after what waits. Nothing is left out in silence: beyond `limit` points `append` throws, and
 * `close` says how many could not be kept.
 */
export function patientJournal(journal: Journal, options: PatientJournalOptions): Journal {
  const { file, warn, limit = 100_000, retryMs = 1000 } = options;
  let waiting: MetricPoint[] = [];
  let nextTry = 0;
  const order = createOrder();

  const hold = (points: readonly MetricPoint[], error: unknown) => {
    if (!isPassing(error)) throw error;
    if (waiting.length === 0) {
      warn(
        `${(error as FileError).message}. The work goes on; up to ${limit} metric points wait in memory until the disk takes them`,
      );
    }
    for (const point of points) waiting.push(point);
    nextTry = Date.now() + retryMs;
  };

  const write = (points: readonly MetricPoint[]) =>
    journal.append({ type: "metrics", points }, { edge: false });

  /** Lines of a size that a reader takes whole. */
  const writeWaiting = async () => {
    const held = waiting.length;
    while (waiting.length > 0) {
      const line = waiting.slice(0, 500);
      await write(line);
      // Others may have come meanwhile, behind these.
      waiting = waiting.slice(line.length);
    }
    if (held > 0) warn(`${file} can be written again; no metric point was lost`);
  };

  return {
    ...journal,
    appendNow: (event) => waiting.length === 0 && order.isIdle && journal.appendNow(event),
    append: (event, appendOptions) => order.run(() => append(event, appendOptions)),
    close: () => order.run(close),
  };

  async function append(...[event, appendOptions]: Parameters<Journal["append"]>): Promise<void> {
    if (event.type !== "metrics") {
      await writeWaiting();
      return journal.append(event, appendOptions);
    }
    if (waiting.length === 0) return write(event.points).catch((error) => hold(event.points, error));
    if (waiting.length + event.points.length > limit) {
      throw new FileError(file, `cannot be written, and ${waiting.length} metric points wait in memory`, {
        hint: "free some disk space, then resume the comparison",
      });
    }
    for (const point of event.points) waiting.push(point);
    if (Date.now() < nextTry) return;
    nextTry = Date.now() + retryMs;
    await writeWaiting().catch((error) => {
      if (!isPassing(error)) throw error;
    });
  }

  async function close(): Promise<void> {
    await writeWaiting().catch(() => {
      const steps = waiting.map(({ step }) => step);
      const range = `steps ${steps.reduce((a, b) => Math.min(a, b))} to ${steps.reduce((a, b) => Math.max(a, b))}`;
      warn(`${file}: ${waiting.length} metric points of ${range} could not be kept; they are lost`);
    });
    await journal.close();
  }
}

const isPassing = (error: unknown): boolean =>
  error instanceof FileError && PASSING.has((error.cause as NodeJS.ErrnoException | undefined)?.code ?? "");

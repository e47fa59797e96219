import type { Limits } from "./config/index.ts";
import type { Queue } from "./queue.ts";

const HOUR = 60 * 60 * 1000;

/** Why the queue takes no more from a requester now. */
export function queueLimit(
  limits: Limits,
  { entries }: Pick<Queue, "entries">,
  requester: string,
): string | undefined {
  const waiting = entries.filter(({ state }) => state === "queued").length;
  if (waiting >= limits.queue) return `the queue is full: ${waiting} comparisons wait; try again later`;
  const own = entries.filter((entry) => entry.requester === requester).length;
  if (own < limits.perRequester) return undefined;
  return `${requester} has ${own} comparisons that wait or run, as many as one may have here; try again later`;
}

/** Why a requester gets nothing new now. */
export function grantLimit(
  limits: Limits,
  queue: Pick<Queue, "entries" | "grants">,
  { requester, trainings }: { readonly requester: string; readonly trainings: number },
  now: number,
): string | undefined {
  const within = (ms: number) =>
    queue.grants.filter((grant) => grant.requester === requester && grant.time > now - ms);
  const hour = within(HOUR).length;
  if (hour >= limits.perHour) {
    return `${requester} has made ${hour} requests within the last hour, as many as are taken here; try again later`;
  }
  const had = within(24 * HOUR).reduce((sum, grant) => sum + grant.trainings, 0);
  if (had + trainings > limits.trainings) {
    return `it takes ${trainings} trainings, and ${requester} has had ${had} of the ${limits.trainings} that one gets here within 24 hours`;
  }
  return queueLimit(limits, queue, requester);
}

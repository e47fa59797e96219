/** The time that one try of a request has. */
export interface TimeLimit {
  /** Aborts when the time is over, or when everything is to end. */
  readonly signal: AbortSignal;
  /** As much time again, from now. */
  renew(): void;
  /** To be called when the try has ended: nothing of it is kept then. */
  clear(): void;
}

/** What a timer can wait for. */
const LONGEST = 2 ** 31 - 1;

/**
 * Not `AbortSignal.any` and `AbortSignal.timeout`: of each request they keep something for as long as `ended` lives, or
 * until its time would have been over.
 */
export function timeLimit(ms: number, ended?: AbortSignal): TimeLimit {
  const controller = new AbortController();
  const timer = setTimeout(
    () => controller.abort(new DOMException(`no answer within ${ms / 1000} s`, "TimeoutError")),
    Math.min(ms, LONGEST),
  );
  // What it waits for keeps the process.
  timer.unref();
  const end = () => controller.abort(ended?.reason);
  if (ended?.aborted) end();
  else ended?.addEventListener("abort", end, { once: true });
  return {
    signal: controller.signal,
    renew: () => void timer.refresh(),
    clear() {
      clearTimeout(timer);
      ended?.removeEventListener("abort", end);
    },
  };
}

import { MlflowError } from "../../mlflow-js-client/index.ts";
import { TrackingError } from "../errors.ts";

/** All in ms. */
export interface DeliveryTiming {
  /** How long events gather before a request: at first, so that a young run is seen at once, and in the long run. */
  readonly gather: number;
  readonly maxGather: number;
  /** First wait after a failure; doubles, with jitter of up to half of it. */
  readonly backoff: number;
  readonly maxBackoff: number;
  /** How long closing waits after the last progress. */
  readonly patience: number;
}

export const TIMING: DeliveryTiming = {
  gather: 200,
  maxGather: 5000,
  backoff: 500,
  maxBackoff: 30_000,
  patience: 10_000,
};

/** Longest wait between two tries while the process wants to end, ms. */
const CLOSING_BACKOFF = 1000;

/** What keeps one run from being delivered. */
export interface Trouble {
  /** In a row, without the run having got on. */
  readonly failures: number;
  readonly error: unknown;
  isWaiting(): boolean;
  retryNow(): void;
}

export interface Pacing {
  readonly patience: number;
  /** How long to gather, ms, when the newest run was opened `age` ms ago. */
  gather(age: number, closing: boolean): number;
  /** How long to wait after so many failures in a row, ms. */
  backoff(failures: number, closing: boolean): number;
  /** A run failed. @param where differs from what it was at the failure before where the run has got on since */
  trouble(known: Trouble | undefined, error: unknown, where: string, closing: boolean): Trouble;
}

/** When what is tried again. */
export function createPacing(timing: DeliveryTiming): Pacing {
  const backoff = (failures: number, closing: boolean) => {
    const wait = Math.min(timing.backoff * 2 ** Math.min(failures - 1, 20), timing.maxBackoff);
    return (closing ? Math.min(wait, CLOSING_BACKOFF) : wait) * (1 - Math.random() / 2);
  };
  const places = new WeakMap<Trouble, string>();
  return {
    patience: timing.patience,
    gather: (age, closing) => (closing ? 50 : Math.max(timing.gather, Math.min(timing.maxGather, age / 2))),
    backoff,
    trouble(known, error, where, closing) {
      const failures = known !== undefined && places.get(known) === where ? known.failures + 1 : 1;
      let until = Date.now() + backoff(failures, closing);
      const trouble: Trouble = {
        failures,
        error,
        isWaiting: () => Date.now() < until,
        retryNow() {
          until = 0;
        },
      };
      places.set(trouble, where);
      return trouble;
    },
  };
}

/** Answers by which a server, or what stands before it, says that it takes nothing now, whoever asks. */
const AWAY = new Set([401, 403, 407, 429, 502, 503]);

/**
 * Whether another run would fare no better. An answer that does not come is that request's own trouble: an artifact store
 * that hangs, say, says nothing of metrics.
 */
export function isServersFault(error: unknown): boolean {
  const cause = error instanceof TrackingError ? error.cause : error;
  if (!(cause instanceof MlflowError) || isTimeout(cause)) return false;
  return cause.unreachable || AWAY.has(cause.status);
}

/** Ours, or that of a proxy before the server. */
export function isTimeout(error: unknown): boolean {
  const cause = error instanceof TrackingError ? error.cause : error;
  return cause instanceof MlflowError && (cause.errorCode === "TIMEOUT" || cause.status === 504);
}
